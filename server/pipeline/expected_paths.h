// The paths that requests will look up, found before they run: NodeStore::Expect then fetches what
// stands there for all of them at the same time.
#ifndef LOCKKEEPER_SERVER_PIPELINE_EXPECTED_PATHS_H_
#define LOCKKEEPER_SERVER_PIPELINE_EXPECTED_PATHS_H_

#include <cstddef>
#include <string_view>
#include <vector>

#include "protocol/request.h"

namespace lockkeeper {

// Appends the paths that `request` names, those of a multi's elements too.
void AddPaths(const RequestBody& request, std::vector<std::string_view>* paths);

// `in`: what a client has sent, from the beginning of a frame. Appends the paths, unchecked, of the
// requests at its beginning that read the tree, of no more than `frames_max`: reads behind a write
// must wait for it. Returns how many whole frames it looked at.
size_t AddPathsOfReads(std::string_view in, size_t frames_max,
                       std::vector<std::string_view>* paths);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PIPELINE_EXPECTED_PATHS_H_
