#include "datatree/path.h"

#include <gtest/gtest.h>

#include <limits>

namespace lockkeeper {
namespace {

// UTF-8 of one code point, surrogates included.
std::string Utf8(uint32_t c) {
  const auto tail = [](uint32_t bits) { return static_cast<char>(0x80 | (bits & 0x3F)); };
  if (c < 0x80) return std::string(1, static_cast<char>(c));
  if (c < 0x800) return {static_cast<char>(0xC0 | c >> 6), tail(c)};
  if (c < 0x10000) return {static_cast<char>(0xE0 | c >> 12), tail(c >> 6), tail(c)};
  return {static_cast<char>(0xF0 | c >> 18), tail(c >> 12), tail(c >> 6), tail(c)};
}

TEST(IsValidPath, TakesAbsolutePathsWithOrdinaryNames) {  // CP-6.3
  for (const char* path : {"/", "/a", "/a/b/c", "/p/...", "/p/.x", "/p/x.", "/p/..x", "/p/ ",
                           "/p/a b", "/~!@#$%^&*()"}) {
    EXPECT_TRUE(IsValidPath(path)) << path;
  }
}

TEST(IsValidPath, RefusesWhatIsNotAbsoluteOrHasEmptyAndDotNames) {  // CP-6.1
  for (const char* path : {"", "foo", "a/b", "/p/", "//", "//p", "/p//q", "/p/.", "/p/..", "/.",
                           "/..", "/./p", "/../p", "/p/./q", "/p/../q"}) {
    EXPECT_FALSE(IsValidPath(path)) << path;
  }
  EXPECT_FALSE(IsValidPath(std::string_view()));
}

TEST(IsValidPath, RefusesTheForbiddenRanges) {  // CP-6.3, CP-6.4
  const auto valid = [](uint32_t c) { return IsValidPath("/a" + Utf8(c) + "b"); };
  for (uint32_t c = 0; c <= 0x1FFFF; ++c) {
    const bool forbidden =
        c <= 0x1F || (c >= 0x7F && c <= 0x9F) || (c >= 0xD800 && c <= 0xF8FF) || c >= 0xFFF0;
    ASSERT_EQ(valid(c), !forbidden) << "U+" << std::hex << c;
  }
  EXPECT_FALSE(valid(0x10FFFF));
  for (uint32_t c : {0xA0u, 0xD7FFu, 0xF900u, 0xFFEFu}) EXPECT_TRUE(valid(c));
}

TEST(IsValidPath, TakesMalformedUtf8ForAForbiddenCharacter) {  // CP-1.14
  for (const char* name : {"\xff", "\x80", "\xc3", "\xc3(", "\xe2\x82", "\xe2(\xa1", "\xc0\xaf",
                           "\xe0\x80\xaf", "\xf0\x82\x82\xac", "\xf5\x80\x80\x80"}) {
    EXPECT_FALSE(IsValidPath(std::string("/") + name));
    EXPECT_FALSE(IsValidPath(std::string("/a") + name + "/b"));
  }
}

TEST(LooksLikePath, AsksForASlashAndNoNul) {  // client-protocol 6.2
  for (std::string_view path : {"/", "/a/", "a/b", "//", "/.."}) EXPECT_TRUE(LooksLikePath(path));
  EXPECT_FALSE(LooksLikePath(""));
  EXPECT_FALSE(LooksLikePath({}));
  EXPECT_FALSE(LooksLikePath("foo"));
  EXPECT_FALSE(LooksLikePath(std::string_view("/a\0b", 4)));
}

TEST(IsReservedPath, KnowsTheFourNodes) {  // CP-6.7
  for (const char* path : {"/", "/zookeeper", "/zookeeper/quota", "/zookeeper/config"}) {
    EXPECT_TRUE(IsReservedPath(path));
  }
  for (const char* path : {"", "/zookeeper/", "/zookeeper/x", "/zookeeper/quota/a", "/a"}) {
    EXPECT_FALSE(IsReservedPath(path));
  }
}

TEST(ParentPath, IsEverythingBeforeTheLastSlash) {
  EXPECT_EQ(ParentPath("/a"), "/");
  EXPECT_EQ(ParentPath("/"), "/");
  EXPECT_EQ(ParentPath("/a/b"), "/a");
  EXPECT_EQ(ParentPath("/a/"), "/a");
  EXPECT_EQ(ParentPath("/a//b"), "/a/");
}

TEST(LastName, IsWhatFollowsTheLastSlash) {
  EXPECT_EQ(LastName("/a"), "a");
  EXPECT_EQ(LastName("/a/bc"), "bc");
  EXPECT_EQ(LastName("/a/"), "");
  EXPECT_EQ(LastName("/"), "");
}

TEST(SequentialPath, PadsToTenDigits) {  // CP-5.2, CP-5.4, QP-6.4: the sign is kept
  EXPECT_EQ(SequentialPath("/a-", 7), "/a-0000000007");
  EXPECT_EQ(SequentialPath("/p/", 10), "/p/0000000010");
  EXPECT_EQ(SequentialPath("/", std::numeric_limits<int32_t>::max()), "/2147483647");
  EXPECT_EQ(SequentialPath("/a", std::numeric_limits<int32_t>::min()), "/a-2147483648");
}

}  // namespace
}  // namespace lockkeeper
