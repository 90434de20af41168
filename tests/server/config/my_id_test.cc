#include "server/config/my_id.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "server/config/load_config.h"
#include "tests/server/config/config_test_files.h"

namespace lockkeeper {
namespace {

class MyIdTest : public config_test::TempDirTest {};

// SO-4.7
TEST_F(MyIdTest, IsTheFirstLine) {
  const struct {
    const char* bytes;
    int64_t want;
  } cases[] = {{"1", 1},   {"1\n", 1},  {"12\r\n", 12}, {"3\nsecond line\n", 3},
               {"-7", -7}, {"+5\n", 5}, {"007", 7},     {"9223372036854775807", INT64_MAX}};
  for (const auto& c : cases) {
    Write("myid", c.bytes);
    const auto id = ReadMyId(dir());
    ASSERT_TRUE(id) << id.error().message;
    EXPECT_EQ(*id, PeerId{c.want}) << c.bytes;
  }
}

// SO-4.7: nothing is trimmed.
TEST_F(MyIdTest, OtherTextIsRefused) {
  for (const char* bytes : {"", "\n", "1 ", " 1", "x", "0x1", "1.0", "9223372036854775808"}) {
    Write("myid", bytes);
    const auto id = ReadMyId(dir());
    ASSERT_FALSE(id) << bytes;
    EXPECT_EQ(ExitCode(id.error()), 2);
    EXPECT_NE(id.error().message.find("serverid "), std::string::npos);
    EXPECT_TRUE(id.error().message.ends_with(" is not a number")) << id.error().message;
  }
}

// SO-4.7: a server without the file has no id; a directory of that name is no file.
TEST_F(MyIdTest, MayBeMissing) {
  EXPECT_EQ(*ReadMyId(dir()), std::nullopt);
  std::filesystem::create_directories(Path("myid"));
  EXPECT_EQ(*ReadMyId(dir()), std::nullopt);
}

}  // namespace
}  // namespace lockkeeper
