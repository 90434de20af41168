// The paths that will be looked up next, collected so that NodeStore fetches what stands there for
// all of them at once.
#ifndef LOCKKEEPER_DATATREE_EXPECTED_PATHS_H_
#define LOCKKEEPER_DATATREE_EXPECTED_PATHS_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace lockkeeper {

// A value; the paths are views that the caller keeps alive as long as it.
class ExpectedPaths {
 public:
  // What so many znodes occupy is still in the cache when the last of them is looked up.
  static constexpr size_t kMax = 32;

  // Of what is no path, and of one too many, nothing is kept.
  void Add(std::string_view path) {
    if (!full() && path.starts_with('/')) paths_[size_++] = path;
  }
  bool full() const { return size_ == kMax; }
  // There is nothing that could happen at once.
  bool fewer_than_two() const { return size_ < 2; }
  std::span<const std::string_view> paths() const { return std::span(paths_).first(size_); }

 private:
  std::array<std::string_view, kMax> paths_;
  size_t size_ = 0;
};

// Of the elements from the one at `begin` on, kMax at most; `path_of` gives the path of each.
template <class Elements, class PathOf>
ExpectedPaths NextPaths(const Elements& elements, size_t begin, const PathOf& path_of) {
  ExpectedPaths next;
  const size_t end = std::min(elements.size(), begin + ExpectedPaths::kMax);
  for (size_t i = begin; i < end; ++i) next.Add(path_of(elements[i]));
  return next;
}

// What NodeStore::LookupAll found. Valid while the tree stands still.
class FoundNodes {
 public:
  void Clear() { size_ = next_ = 0; }
  // All of them were asked for.
  bool empty() const { return next_ == size_; }
  // REQUIRES: at most ExpectedPaths::kMax since Clear.
  void Add(std::string_view path, uint32_t node) {
    paths_[size_] = path;
    nodes_[size_++] = node;
  }
  // The node of a path, kNoNode if there is none; nullopt: it was not looked up. Only the very
  // bytes that were looked up count, and they are asked for in the same order.
  std::optional<uint32_t> Take(std::string_view path) {
    for (size_t i = next_; i < size_; ++i) {
      if (paths_[i].data() != path.data() || paths_[i].size() != path.size()) continue;
      next_ = i + 1;
      return nodes_[i];
    }
    return std::nullopt;
  }

 private:
  std::array<std::string_view, ExpectedPaths::kMax> paths_;
  std::array<uint32_t, ExpectedPaths::kMax> nodes_;
  size_t size_ = 0;
  size_t next_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_EXPECTED_PATHS_H_
