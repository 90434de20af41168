// Random writes over a small set of paths, so that they meet: for the model tests.
#ifndef LOCKKEEPER_TESTS_DATATREE_RANDOM_REQUESTS_H_
#define LOCKKEEPER_TESTS_DATATREE_RANDOM_REQUESTS_H_

#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "protocol/request.h"
#include "tests/datatree/tree_test_util.h"

namespace lockkeeper {

// Owns the bytes that the requests' views point to.
class RandomRequests {
 public:
  explicit RandomRequests(uint64_t seed) : random_(seed) {}

  uint64_t Below(uint64_t n) { return random_() % n; }

  // `known`: paths to delete, so that the tree does not only grow.
  std::pair<OpCode, RequestBody> Make(const std::vector<std::string>& known) {
    switch (Below(16)) {
      case 0:
      case 1:
      case 2:
        return {OpCode::kCreate, RequestBody(Create())};
      case 3:
        return {OpCode::kCreate2, RequestBody(Create())};
      case 4:
        return {OpCode::kCreateContainer, RequestBody(Create())};
      case 5:
        return {OpCode::kCreateTtl, RequestBody(CreateTtl())};
      case 6:
      case 7:
      case 8:
        return {OpCode::kDelete, RequestBody(Delete(known))};
      case 9:
      case 10:
        return {OpCode::kSetData, RequestBody(SetDataRequest{Path(), Data(), Version()})};
      case 11:
        return {OpCode::kSetAcl, RequestBody(SetAcl())};
      case 12:
        return {OpCode::kDeleteContainer, RequestBody(PathRequest{Path()})};
      default:
        return {OpCode::kMulti, RequestBody(MultiOf(known))};
    }
  }

 private:
  std::string_view Keep(std::string bytes) { return bytes_.emplace_back(std::move(bytes)); }

  // One in forty is malformed.
  std::string_view Path() {
    static constexpr std::string_view kBad[] = {"", "foo", "/a/", "/a//b", "/b/..", "/./x", "//a"};
    static constexpr std::string_view kSpecial[] = {"/", "/zookeeper", "/zookeeper/config",
                                                    "/zookeeper/x"};
    if (Below(40) == 0) return kBad[Below(std::size(kBad))];
    if (Below(20) == 0) return kSpecial[Below(std::size(kSpecial))];
    std::string path;
    for (uint64_t depth = 1 + Below(3); depth > 0; --depth) {
      path += '/';
      path += static_cast<char>('a' + Below(4));
    }
    return Keep(path);
  }
  std::string_view Data() {
    const uint64_t kind = Below(8);
    if (kind == 0) return {};
    if (kind == 1) return EmptyString();
    return Keep(std::string(Below(kind == 2 ? 3000 : 30), static_cast<char>('0' + Below(10))));
  }
  int32_t Version() { return Below(3) > 0 ? -1 : static_cast<int32_t>(Below(4)) - 1; }
  JuteVector<Acl> AclFor() {
    switch (Below(20)) {
      case 0:
        return std::nullopt;
      case 1:
        return WorldMay(kPermRead | kPermAdmin);
      case 2:
        return std::vector<Acl>{Entry(31, "digest", "bob:hash"), Entry(17, "world", "anyone")};
      case 3:
        return std::vector<Acl>{Entry(31, "auth", "")};
      default:
        return OpenList();
    }
  }
  // A closed root would refuse everything from there on.
  SetAclRequest SetAcl() {
    const std::string_view path = Path();
    return {path, path == "/" ? OpenList() : AclFor(), Version()};
  }
  int32_t Flags() { return Below(30) == 0 ? 7 : static_cast<int32_t>(Below(7)); }
  CreateRequest Create() { return {Path(), Data(), AclFor(), Below(4) == 0 ? Flags() : 0}; }
  CreateTtlRequest CreateTtl() {
    const int32_t flags = Below(4) == 0 ? Flags() : 5 + static_cast<int32_t>(Below(2));
    return {Path(), Data(), AclFor(), flags, static_cast<int64_t>(Below(1000))};
  }
  DeleteRequest Delete(const std::vector<std::string>& known) {
    if (known.empty() || Below(3) == 0) return {Path(), Version()};
    return {Keep(known[Below(known.size())]), Version()};
  }
  MultiElement Element(const std::vector<std::string>& known) {
    switch (Below(8)) {
      case 0:
        return {OpCode::kCreateTtl, CreateTtl()};
      case 1:
      case 2:
      case 3: {
        // What decoding lets through (8.1): plain flags and an ACL vector.
        CreateRequest create = Create();
        create.flags = static_cast<int32_t>(Below(5));
        if (!create.acl) create.acl = std::vector<Acl>{};
        constexpr OpCode kOps[] = {OpCode::kCreate, OpCode::kCreate2, OpCode::kCreateContainer};
        return {kOps[Below(3)], create};
      }
      case 4:
      case 5:
        return {OpCode::kDelete, Delete(known)};
      case 6:
        return {OpCode::kSetData, SetDataRequest{Path(), Data(), Version()}};
      default:
        return {OpCode::kCheck, CheckVersionRequest{Path(), -1}};
    }
  }
  MultiRequest MultiOf(const std::vector<std::string>& known) {
    MultiRequest multi;
    for (uint64_t n = Below(5); n > 0; --n) multi.elements.push_back(Element(known));
    return multi;
  }

  std::mt19937_64 random_;
  std::deque<std::string> bytes_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_DATATREE_RANDOM_REQUESTS_H_
