// Which build this is.
#ifndef LOCKKEEPER_SERVER_BUILD_VERSION_H_
#define LOCKKEEPER_SERVER_BUILD_VERSION_H_

#include <string_view>

#include "server/admin/version_line.h"

namespace lockkeeper {

std::string_view ProductVersion();  // of Lockkeeper, for example "0.1.0"
VersionLine BuildVersionLine();     // as ZooKeeper's tools expect it

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_BUILD_VERSION_H_
