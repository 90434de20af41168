#include "server/pipeline/op_table.h"

#include <array>

namespace lockkeeper {
namespace {

constexpr OpRow kOps[] = {
    {OpCode::kCloseSession, OpKind::kWrite},
    {OpCode::kCreate, OpKind::kWrite},
    {OpCode::kDelete, OpKind::kWrite},
    {OpCode::kExists, OpKind::kTreeRead},
    {OpCode::kGetData, OpKind::kTreeRead},
    {OpCode::kSetData, OpKind::kWrite},
    {OpCode::kGetAcl, OpKind::kTreeRead},
    {OpCode::kSetAcl, OpKind::kWrite},
    {OpCode::kGetChildren, OpKind::kTreeRead},
    // Standalone: an in-order no-op. Replies show only what is applied, so nothing is waited for.
    {OpCode::kSync, OpKind::kLocal},
    {OpCode::kPing, OpKind::kLocal},
    {OpCode::kGetChildren2, OpKind::kTreeRead},
    {OpCode::kMulti, OpKind::kWrite},
    {OpCode::kCreate2, OpKind::kWrite},
    {OpCode::kReconfig, OpKind::kWrite},
    {OpCode::kCheckWatches, OpKind::kLocal},
    {OpCode::kRemoveWatches, OpKind::kLocal},
    {OpCode::kCreateContainer, OpKind::kWrite},
    {OpCode::kCreateTtl, OpKind::kWrite},
    {OpCode::kMultiRead, OpKind::kTreeRead},
    {OpCode::kAuth, OpKind::kAuth},
    {OpCode::kSetWatches, OpKind::kTreeRead},
    {OpCode::kSasl, OpKind::kAuth},
    {OpCode::kGetEphemerals, OpKind::kTreeRead},
    {OpCode::kGetAllChildrenNumber, OpKind::kTreeRead},
    {OpCode::kSetWatches2, OpKind::kTreeRead},
    {OpCode::kAddWatch, OpKind::kLocal},
    {OpCode::kWhoAmI, OpKind::kLocal},
};

constexpr int32_t kFirst = -11;
constexpr int32_t kLast = 107;

constexpr auto MakeIndex() {
  std::array<const OpRow*, kLast - kFirst + 1> index{};
  for (const OpRow& row : kOps) index[static_cast<int32_t>(row.code) - kFirst] = &row;
  return index;
}
constexpr auto kIndex = MakeIndex();

}  // namespace

const OpRow* FindOp(OpCode code) {
  const auto number = static_cast<int32_t>(code);
  if (number < kFirst || number > kLast) return nullptr;
  return kIndex[number - kFirst];
}

}  // namespace lockkeeper
