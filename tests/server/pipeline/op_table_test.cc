#include "server/pipeline/op_table.h"

#include <gtest/gtest.h>

#include <limits>
#include <map>

namespace lockkeeper {
namespace {

// Every number a client could send, against client-protocol 4.2.
TEST(OpTable, HasWhatClientsMaySendAndNothingElse) {  // CP-13.1, CP-13.6
  const std::map<int32_t, OpKind> expected = {
      {-11, OpKind::kWrite},    {1, OpKind::kWrite},      {2, OpKind::kWrite},
      {3, OpKind::kTreeRead},   {4, OpKind::kTreeRead},   {5, OpKind::kWrite},
      {6, OpKind::kTreeRead},   {7, OpKind::kWrite},      {8, OpKind::kTreeRead},
      {9, OpKind::kLocal},      {11, OpKind::kLocal},     {12, OpKind::kTreeRead},
      {14, OpKind::kWrite},     {15, OpKind::kWrite},     {16, OpKind::kWrite},
      {17, OpKind::kLocal},     {18, OpKind::kLocal},     {19, OpKind::kWrite},
      {21, OpKind::kWrite},     {22, OpKind::kTreeRead},  {100, OpKind::kAuth},
      {101, OpKind::kTreeRead}, {102, OpKind::kAuth},     {103, OpKind::kTreeRead},
      {104, OpKind::kTreeRead}, {105, OpKind::kTreeRead}, {106, OpKind::kLocal},
      {107, OpKind::kLocal}};
  for (int32_t number = -300; number <= 1000; ++number) {
    const OpRow* row = FindOp(static_cast<OpCode>(number));
    const auto known = expected.find(number);
    ASSERT_EQ(row != nullptr, known != expected.end()) << number;
    if (row == nullptr) continue;
    EXPECT_EQ(static_cast<int32_t>(row->code), number);
    EXPECT_EQ(row->kind, known->second) << number;
  }
  EXPECT_EQ(FindOp(static_cast<OpCode>(std::numeric_limits<int32_t>::min())), nullptr);
  EXPECT_EQ(FindOp(static_cast<OpCode>(std::numeric_limits<int32_t>::max())), nullptr);
}

}  // namespace
}  // namespace lockkeeper
