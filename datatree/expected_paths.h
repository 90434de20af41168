// The paths that will be looked up next, collected so that NodeStore::Expect fetches what stands
// there for all of them at once.
#ifndef LOCKKEEPER_DATATREE_EXPECTED_PATHS_H_
#define LOCKKEEPER_DATATREE_EXPECTED_PATHS_H_

#include <array>
#include <cstddef>
#include <span>
#include <string_view>

namespace lockkeeper {

// A value; the paths are views that the caller keeps alive until Expect.
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

}  // namespace lockkeeper

#endif  // LOCKKEEPER_DATATREE_EXPECTED_PATHS_H_
