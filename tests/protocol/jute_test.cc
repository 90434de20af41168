#include "protocol/jute.h"

#include <gtest/gtest.h>

#include "protocol/records.h"

namespace lockkeeper {
namespace {

std::string Bytes(std::initializer_list<int> bytes) {
  std::string out;
  for (int b : bytes) out.push_back(static_cast<char>(b));
  return out;
}

TEST(Jute, WritesBigEndian) {  // CP-1.1
  std::string out;
  JuteWriter writer(&out);
  writer.Write(int32_t{0x01020304});
  writer.Write(int64_t{-2});
  writer.Write(true);
  EXPECT_EQ(out, Bytes({1, 2, 3, 4, 255, 255, 255, 255, 255, 255, 255, 254, 1}));
}

TEST(Jute, ReadsEveryNonZeroByteAsTrue) {  // CP-1.1
  bool value = false;
  JuteReader(Bytes({7})).Read(value);
  EXPECT_TRUE(value);
}

TEST(Jute, TellsNullFromEmpty) {  // CP-1.2
  std::string out;
  JuteWriter writer(&out);
  writer.Write(std::string_view());
  writer.Write(EmptyString());
  EXPECT_EQ(out, Bytes({255, 255, 255, 255, 0, 0, 0, 0}));
  JuteReader reader(out);
  std::string_view null = "x";
  std::string_view empty = "x";
  reader.Read(null);
  reader.Read(empty);
  EXPECT_TRUE(reader.ok());
  EXPECT_TRUE(IsNull(null));
  EXPECT_FALSE(IsNull(empty));
}

TEST(Jute, RefusesNegativeStringLengths) {  // CP-1.3
  EXPECT_FALSE(Decode<PathRequest>(Bytes({255, 255, 255, 251, 'a', 'b'})).has_value());
}

TEST(Jute, RefusesStringsLongerThanTheFrame) {  // CP-1.4
  EXPECT_FALSE(Decode<PathRequest>(Bytes({0, 0, 0, 3, 'a', 'b'})).has_value());
  EXPECT_FALSE(Decode<PathRequest>(Bytes({0x7f, 255, 255, 255, 'a', 'b'})).has_value());
}

TEST(Jute, TakesVectorCountsBelowMinusOneAsEmpty) {  // CP-1.5
  const auto null = Decode<GetChildrenResponse>(Bytes({255, 255, 255, 255}));
  ASSERT_TRUE(null.has_value());
  EXPECT_FALSE(null->children.has_value());
  const auto empty = Decode<GetChildrenResponse>(Bytes({255, 255, 255, 253}));
  ASSERT_TRUE(empty.has_value());
  ASSERT_TRUE(empty->children.has_value());
  EXPECT_TRUE(empty->children->empty());
}

TEST(Jute, DoesNotAllocateByTheCountOfAVector) {
  // Two billion elements are announced, one is there: fails without reserving anything.
  const std::string bytes = Bytes({0x7f, 255, 255, 255, 0, 0, 0, 1, 'a'});
  EXPECT_FALSE(Decode<GetChildrenResponse>(bytes).has_value());
}

TEST(Jute, DecodesInPlace) {
  const std::string bytes = Bytes({0, 0, 0, 2, '/', 'a'});
  const auto request = Decode<PathRequest>(bytes);
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(request->path.data(), bytes.data() + 4);
}

}  // namespace
}  // namespace lockkeeper
