// Paths: what is valid, and how a path splits (client-protocol 6).
#ifndef LOCKKEEPER_DATATREE_PATH_H_
#define LOCKKEEPER_DATATREE_PATH_H_

#include <string>
#include <string_view>

namespace lockkeeper {

inline constexpr std::string_view kZookeeperPath = "/zookeeper";
inline constexpr std::string_view kQuotaPath = "/zookeeper/quota";
inline constexpr std::string_view kConfigPath = "/zookeeper/config";

// Rule 6.1 in full: absolute, no empty, "." or ".." component, no trailing slash, none of the
// forbidden characters. Malformed UTF-8 counts as the forbidden U+FFFD.
bool IsValidPath(std::string_view path);

// The weaker first check of create and delete (6.2): has a slash and no NUL.
bool LooksLikePath(std::string_view path);

// Absolute, without empty components or a trailing slash: what a path on disk must at least be, so
// that every znode has one spelling. Old servers may have let through characters that 6.1 forbids.
bool IsCanonicalPath(std::string_view path);

// "/", "/zookeeper", "/zookeeper/quota" and "/zookeeper/config": never deleted (6.3).
bool IsReservedPath(std::string_view path);

// Everything before the last slash; "/" for a first-level path. REQUIRES: LooksLikePath(path).
std::string_view ParentPath(std::string_view path);

// What follows the last slash. REQUIRES: LooksLikePath(path).
std::string_view LastName(std::string_view path);

// `prefix` followed by the counter as at least ten digits (5.3).
std::string SequentialPath(std::string_view prefix, int32_t counter);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_PATH_H_
