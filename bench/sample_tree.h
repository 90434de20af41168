// A tree to measure on: directories of 1000 leaves with names of ten bytes, built by transactions
// as a running server would.
#ifndef LOCKKEEPER_BENCH_SAMPLE_TREE_H_
#define LOCKKEEPER_BENCH_SAMPLE_TREE_H_

#include <glog/logging.h>

#include <array>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>
#include <vector>

#include "datatree/data_tree.h"
#include "datatree/prepare.h"
#include "protocol/txn.h"

namespace lockkeeper {

inline constexpr uint32_t kLeavesPerDirectory = 1000;
inline constexpr int64_t kSampleTime = 1'700'000'000'000;

// "n000000042": ten bytes.
inline std::string LeafName(uint32_t i) {
  std::array<char, 12> name;
  std::snprintf(name.data(), name.size(), "n%09u", i);
  return name.data();
}
inline std::string DirectoryPath(uint32_t i) {
  std::array<char, 12> name;
  std::snprintf(name.data(), name.size(), "/d%08u", i);
  return name.data();
}
inline std::string LeafPath(uint32_t i) {
  return DirectoryPath(i / kLeavesPerDirectory) + "/" + LeafName(i);
}

inline const JuteVector<Acl>& OpenAclRecords() {
  static const JuteVector<Acl> acl{{Acl{kPermAll, {"world", "anyone"}}}};
  return acl;
}

// Makes transactions with rising zxids and applies them; a refused or broken one ends the program,
// so that no benchmark measures an error path.
class SampleTree {
 public:
  explicit SampleTree(bool digest_enabled)
      : tree_(DataTreeOptions{.digest_enabled = digest_enabled, .hash_seed = 42}),
        preparer_(tree_, PrepareRules{}) {}

  // Adds leaves [size(), size() + count) with their directories.
  void Grow(uint32_t count, std::string_view data) {
    for (uint32_t end = size_ + count; size_ < end;) ApplyOrDie(NextCreate(data));
  }
  // The transaction that creates the next leaf. Its directory is created at once.
  std::string NextCreate(std::string_view data) {
    if (size_ % kLeavesPerDirectory == 0) {
      ApplyOrDie(CreateTxnFor(DirectoryPath(size_ / kLeavesPerDirectory), {}));
    }
    return CreateTxnFor(LeafPath(size_++), data);
  }
  std::string SetDataTxnFor(std::string_view path, std::string_view data) {
    return Txn(OpCode::kSetData, SetDataTxn{path, data, 1});
  }
  std::string DeleteTxnFor(std::string_view path) { return Txn(OpCode::kDelete, DeleteTxn{path}); }

  void ApplyOrDie(const std::string& payload) {
    changes_.clear();
    const Result<ApplyOutcome> outcome = tree_.Apply(payload, &changes_);
    CHECK(outcome.has_value()) << outcome.error().message;
    CHECK(outcome->result.error == ErrorCode::kOk);
  }
  // What the core does with a write, without the log between.
  void PrepareAndApply(OpCode op, const RequestBody& request) {
    const Zxid zxid{++zxid_};
    const PrepareContext context{
        .session = SessionId{1}, .zxid = zxid, .time = WallMs{kSampleTime}, .identities = nobody_};
    ApplyOrDie(preparer_.Prepare(context, op, request));
    preparer_.Applied(zxid);
  }

  uint32_t size() const { return size_; }
  const DataTree& tree() const { return tree_; }

 private:
  template <Record R>
  std::string Txn(OpCode type, const R& body) {
    std::string payload;
    Encode(TxnHeader{1, 1, ++zxid_, kSampleTime, static_cast<int32_t>(type)}, &payload);
    Encode(body, &payload);
    return payload;
  }
  std::string CreateTxnFor(std::string_view path, std::string_view data) {
    return Txn(OpCode::kCreate2, CreateTxn{path, data, OpenAclRecords(), false, -1});
  }

  const std::vector<Identity> nobody_;
  DataTree tree_;
  TxnPreparer preparer_;
  std::vector<Change> changes_;
  int64_t zxid_ = 0;
  uint32_t size_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_BENCH_SAMPLE_TREE_H_
