#include "server/build_version.h"

namespace lockkeeper {

std::string_view ProductVersion() { return LOCKKEEPER_VERSION; }

VersionLine BuildVersionLine() { return MakeVersionLine(LOCKKEEPER_REVISION, LOCKKEEPER_BUILT_AT); }

}  // namespace lockkeeper
