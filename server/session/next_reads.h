// The reads that a client has sent and that will run next.
#ifndef LOCKKEEPER_SERVER_SESSION_NEXT_READS_H_
#define LOCKKEEPER_SERVER_SESSION_NEXT_READS_H_

#include <cstddef>
#include <string_view>

#include "datatree/expected_paths.h"

namespace lockkeeper {

// `in`: what a client has sent, from the beginning of a frame. Adds the paths, unchecked, of the
// whole requests at its beginning that read the tree, until `paths` is full: reads behind a write
// must wait for it. Returns how many frames it looked at.
size_t AddNextReads(std::string_view in, ExpectedPaths* paths);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_SESSION_NEXT_READS_H_
