// SO-4.1: the syntax of zoo.cfg is that of Java's properties, each expectation as Java 17 reads it.
#include "server/config/properties_file.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

namespace lockkeeper {
namespace {

struct Case {
  const char* what;
  std::string_view bytes;
  std::vector<ConfigEntry> want;
};

std::string Shown(const std::vector<ConfigEntry>& entries) {
  std::string text;
  for (const ConfigEntry& e : entries) {
    text += std::to_string(e.line) + "[" + e.key + "]=[" + e.value + "] replaces " +
            std::to_string(e.replaced_line) + "\n";
  }
  return text;
}

void ExpectAll(const std::vector<Case>& cases) {
  for (const Case& c : cases) {
    SCOPED_TRACE(c.what);
    const auto got = ParseProperties(c.bytes);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(Shown(*got), Shown(c.want));
  }
}

// SO-4.1
TEST(PropertiesFile, CommentsAndBlankLinesAreSkipped) {
  ExpectAll({
      {"nothing", "", {}},
      {"hash", "# a=1\na=2", {{"a", "2", 2, 0}}},
      {"bang after blanks", " \t\f! a=1\na=2\n", {{"a", "2", 2, 0}}},
      {"a comment does not go on", "# a \\\nb=1", {{"b", "1", 2, 0}}},
      {"a hash inside is no comment", "a=1 # one", {{"a", "1 # one", 1, 0}}},
      {"blank lines count", "\n\r\n\ra=1", {{"a", "1", 4, 0}}},
  });
}

// SO-4.1
TEST(PropertiesFile, KeyEndsAtTheFirstSeparator) {
  ExpectAll({
      {"equals", "a=b=c", {{"a", "b=c", 1, 0}}},
      {"colon", "a:b:c", {{"a", "b:c", 1, 0}}},
      {"blank", "a b c", {{"a", "b c", 1, 0}}},
      {"tab and form feed", "a\tb\nc\fd", {{"a", "b", 1, 0}, {"c", "d", 2, 0}}},
      {"blanks around one separator", "a \t= : b", {{"a", ": b", 1, 0}}},
      {"two separators", "a==b", {{"a", "=b", 1, 0}}},
      {"no value", "a", {{"a", "", 1, 0}}},
      {"no value but a separator", "a=\nb=", {{"a", "", 1, 0}, {"b", "", 2, 0}}},
      {"no key", "=b", {{"", "b", 1, 0}}},
      {"leading blanks", " \t a=b", {{"a", "b", 1, 0}}},
      {"escaped separators", "a\\=b\\:c\\ d=e", {{"a=b:c d", "e", 1, 0}}},
      {"backslash before the separator", "a\\\\=b", {{"a\\", "b", 1, 0}}},
      {"server line", "server.1=h:1:2;3", {{"server.1", "h:1:2;3", 1, 0}}},
  });
}

// SO-4.1
TEST(PropertiesFile, OddBackslashesAtTheEndContinueTheLine) {
  ExpectAll({
      {"in the value", "a=b\\\n   c\nd=e", {{"a", "bc", 1, 0}, {"d", "e", 3, 0}}},
      {"in the key", "a\\\n  b=c", {{"ab", "c", 1, 0}}},
      {"two backslashes do not", "a=b\\\\\nc=d", {{"a", "b\\", 1, 0}, {"c", "d", 2, 0}}},
      {"three do", "a=b\\\\\\\nc=d", {{"a", "b\\c=d", 1, 0}}},
      {"carriage returns", "a=b\\\r\n c\\\r d", {{"a", "bcd", 1, 0}}},
      {"a blank line ends it", "a=b\\\n\nc=d", {{"a", "b", 1, 0}, {"c", "d", 3, 0}}},
      {"a hash in the continuation is data", "a=b\\\n#c", {{"a", "b#c", 1, 0}}},
      {"nothing before the backslash", "\\\n#c\na=b", {{"a", "b", 3, 0}}},
      {"at the end of the file", "a=b\\", {{"a", "b", 1, 0}}},
      {"the blanks before the backslash stay", "a=b \\\n  c", {{"a", "b c", 1, 0}}},
  });
}

// SO-4.1
TEST(PropertiesFile, EscapesAreResolved) {
  ExpectAll({
      {"control characters", "a=1\\t2\\n3\\r4\\f5", {{"a", "1\t2\n3\r4\f5", 1, 0}}},
      {"single backslashes vanish", "a=C:\\zk\\data", {{"a", "C:zkdata", 1, 0}}},
      {"doubled ones stay", "a=C:\\\\zk", {{"a", "C:\\zk", 1, 0}}},
      {"unicode", "\\u0061=\\u00e9\\u20AC", {{"a", "\xC3\xA9\xE2\x82\xAC", 1, 0}}},
      {"a surrogate pair", "a=\\ud83d\\uDE00", {{"a", "\xF0\x9F\x98\x80", 1, 0}}},
      {"half a pair", "a=x\\ud83dy", {{"a", "x?y", 1, 0}}},
      {"an escaped separator of unicode", "a\\u003db=c", {{"a=b", "c", 1, 0}}},
      {"bytes are ISO-8859-1", "a=\xE9\xC3", {{"a", "\xC3\xA9\xC3\x83", 1, 0}}},
  });
}

// SO-4.1
TEST(PropertiesFile, MalformedUnicodeIsRefusedWithItsLine) {
  for (const std::string_view bytes :
       {"b=1\na=\\u12", "b=1\na=\\u12g4", "b=1\n\\u=1", "\na\\uu="}) {
    SCOPED_TRACE(bytes);
    const auto got = ParseProperties(bytes);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().code, Errc::kBadConfig);
    EXPECT_EQ(got.error().message, "line 2: Malformed \\uxxxx encoding.");
  }
}

// SO-4.1
TEST(PropertiesFile, LastOfDuplicatesWinsAndNamesTheOther) {
  ExpectAll({
      {"twice", "a=1\nb=2\na=3", {{"b", "2", 2, 0}, {"a", "3", 3, 1}}},
      {"three times", "a=1\na=2\na=3", {{"a", "3", 3, 2}}},
      {"in other spellings", "a=1\n\\u0061 : 2", {{"a", "2", 2, 1}}},
  });
}

// SO-4.1
TEST(PropertiesFile, KeysAndValuesAreTrimmed) {
  ExpectAll({
      {"blanks at the end", "a=b \t ", {{"a", "b", 1, 0}}},
      {"escaped blanks too", "\\ a\\ =\\ b\\t", {{"a", "b", 1, 0}}},
      {"control characters too", "a=\\u0001b\\u0000", {{"a", "b", 1, 0}}},
      {"but no others",
       "a=\\u00a0b",
       {{"a",
         "\xC2\xA0"
         "b",
         1, 0}}},
  });
}

}  // namespace
}  // namespace lockkeeper
