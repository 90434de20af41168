#include "server/net/remote_address.h"

#include <gtest/gtest.h>

namespace lockkeeper {
namespace {

RemoteAddress Of(const char* address) {
  return RemoteAddress::Of({boost::asio::ip::make_address(address), 51808});
}

TEST(RemoteAddress, IsADottedQuad) {  // client-protocol 11.1
  EXPECT_EQ(Of("127.0.0.1").ip, "127.0.0.1");
  EXPECT_EQ(Of("127.0.0.1").port, 51808);
}

TEST(RemoteAddress, ShowsMappedAddressesAsIpV4) {  // client-protocol 11.1
  EXPECT_EQ(Of("::ffff:10.1.2.3").ip, "10.1.2.3");
}

TEST(RemoteAddress, WritesAllGroupsOfIpV6) {  // client-protocol 11.1
  EXPECT_EQ(Of("::1").ip, "0:0:0:0:0:0:0:1");
  EXPECT_EQ(Of("fe80::ab:0c0d").ip, "fe80:0:0:0:0:0:ab:c0d");
  EXPECT_EQ(Of("2001:db8:1:2:3:4:5:6").ip, "2001:db8:1:2:3:4:5:6");
  EXPECT_EQ(Of("fe80::1%1").ip, "fe80:0:0:0:0:0:0:1") << "no zone";
}

}  // namespace
}  // namespace lockkeeper
