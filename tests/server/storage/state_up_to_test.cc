// The state that a member had at an earlier zxid, from its own files (quorum-protocol 3.9, P12).
#include <gtest/gtest.h>
#include <leveldb/env.h>

#include <future>
#include <memory>
#include <string>
#include <vector>

#include "datatree/tree_walk.h"
#include "server/storage/recovery.h"
#include "server/storage/snapshot_writer.h"
#include "server/storage/tree_snapshot.h"
#include "tests/datatree/random_history.h"
#include "tests/datatree/tree_test_util.h"
#include "tests/server/storage/fake_file_system.h"
#include "tests/server/storage/recovery_test_util.h"

namespace lockkeeper {
namespace {

constexpr char kNoState[] = "no state";

class StateUpTo : public testing::Test {
 protected:
  StateUpTo() { storage_ = StartOrFail(fs_); }

  // Transactions up to number `end` go into the log.
  void Write(size_t end) {
    for (size_t i = written_; i < end; ++i) ASSERT_TRUE(storage_->Write(payloads_[i]));
    written_ = end;
  }
  void Checkpoint() {
    size_t ignored = 0;
    ASSERT_TRUE(storage_->Checkpoint({}, &ignored));
  }
  // Until LevelDB's thread has done what it was given so far.
  static void WaitForLevelDb() {
    std::promise<void> done;
    leveldb::Env::Default()->Schedule(
        [](void* promise) { static_cast<std::promise<void>*>(promise)->set_value(); }, &done);
    done.get_future().wait();
  }
  // ZooKeeper's snapshot with the name of `name` that holds the state after `end`.
  void PutSnapshot(size_t name, size_t end) {
    const auto tree = TreeAfter(payloads_, end);
    tree->BeginEpoch(Zxid{static_cast<int64_t>(name)});
    ASSERT_TRUE(WriteSnapshot(fs_, kVersionDir, TestConfig(), *tree));
  }
  Result<std::unique_ptr<DataTree>> Load(int64_t upto, const Config& config = TestConfig()) {
    return LoadStateUpTo(fs_, storage_->dir(), config, HistoryOptions(), storage_->store(),
                         Zxid{upto});
  }
  // The dump of the tree, or kNoState.
  std::string StateAt(int64_t upto, const Config& config = TestConfig()) {
    const auto tree = Load(upto, config);
    EXPECT_TRUE(tree) << tree.error().message;
    if (!tree || *tree == nullptr) return kNoState;
    EXPECT_EQ((*tree)->last_zxid(), Zxid{upto});
    return DumpTree(**tree);
  }

  FakeFileSystem fs_;
  std::unique_ptr<Storage> storage_;
  size_t written_ = 0;
  const std::vector<std::string> payloads_ = RandomPayloads(4);
  const std::vector<std::string> states_ = StatesOf(payloads_);
};

TEST_F(StateUpTo, IsEveryStateBehindTheBase_QP_3_17) {
  Write(40);
  ASSERT_TRUE(storage_->Roll());
  Write(60);
  for (size_t upto = 0; upto <= 60; ++upto) {
    ASSERT_EQ(StateAt(static_cast<int64_t>(upto)), states_[upto]) << upto;
  }
}

TEST_F(StateUpTo, ComesFromTheOpenStoreIfThatIsOldEnough_QP_3_17) {
  Write(50);
  Checkpoint();
  Write(90);
  Checkpoint();  // the store was written to, and is read while it is open
  Write(120);
  EXPECT_EQ(StateAt(90), states_[90]);
  EXPECT_EQ(StateAt(110), states_[110]);
  ASSERT_TRUE(fs_.Remove("/data/version-2/snapshot.0"));
  EXPECT_EQ(StateAt(90), states_[90]) << "no snapshot was needed";
  EXPECT_EQ(StateAt(89), kNoState);
}

TEST_F(StateUpTo, ComesFromAnOlderSnapshotIfTheCheckpointIsTooNew_P12) {
  Write(100);
  Checkpoint();
  PutSnapshot(40, 40);
  PutSnapshot(80, 80);
  EXPECT_EQ(StateAt(79), states_[79]);
  EXPECT_EQ(StateAt(80), states_[80]);
  EXPECT_EQ(StateAt(39), states_[39]);
}

TEST_F(StateUpTo, NeverContainsWhatAFuzzySnapshotHoldsBeyondIt_P12) {
  Write(100);
  PutSnapshot(50, 90);
  EXPECT_EQ(StateAt(60), states_[60]);
  EXPECT_EQ(StateAt(95), states_[95]);
}

TEST_F(StateUpTo, BelievesTheDigestOfAFuzzySnapshotThatItIsNewer_P12) {
  Write(100);
  const auto tree = TreeAfter(payloads_, 20);
  auto writer = SnapshotWriter::Create(fs_, kVersionDir, Zxid{20}, SnapshotCompression::kNone);
  ASSERT_TRUE(writer);
  // As if an ACL had been changed by transaction 70 while it was written.
  ASSERT_TRUE((*writer)->Begin(tree->sessions(), {}));
  ASSERT_TRUE(ForEachNode(*tree, [&](StoredNode node) {
    node.acl_key = kOpenAclKey;
    return (*writer)->Add(node);
  }));
  ASSERT_TRUE((*writer)->Finish(SnapshotDigest{Zxid{70}, kDigestVersion, 1}, std::nullopt));
  EXPECT_EQ(StateAt(69), states_[69]) << "from snapshot.0";
}

TEST_F(StateUpTo, PassesOverASnapshotThatCannotBeRead_QP_3_17) {
  Write(100);
  PutSnapshot(50, 50);
  fs_.FlipBit("/data/version-2/snapshot.32", 300, 1);
  EXPECT_EQ(StateAt(70), states_[70]);
}

TEST_F(StateUpTo, IsNoneWhenTheLogEndsBeforeIt_QP_3_17) {
  Write(60);
  EXPECT_EQ(StateAt(61), kNoState);
  EXPECT_EQ(StateAt((int64_t{1} << 32) + 1), kNoState);
  EXPECT_EQ(StateAt(int64_t{1} << 32), kNoState) << "nothing proves that 60 was the last";
}

TEST_F(StateUpTo, IsNoneWhenTheLogHasAHole_QP_3_17) {
  Write(30);
  ASSERT_TRUE(storage_->Roll());
  Write(40);
  ASSERT_TRUE(storage_->Roll());
  Write(60);
  ASSERT_TRUE(fs_.Remove("/data/version-2/log.1f"));
  EXPECT_EQ(StateAt(30), states_[30]);
  EXPECT_EQ(StateAt(35), kNoState);
  EXPECT_EQ(StateAt(50), kNoState);
}

TEST_F(StateUpTo, IsNoneWhenTheLogIsDamagedBeforeIt_QP_3_17) {
  Write(60);
  fs_.FlipBit("/data/version-2/log.1", 60, 1);
  EXPECT_EQ(StateAt(50), kNoState);
}

TEST_F(StateUpTo, IsNoneWhenAnEarlierLogReachesBeyondIt_QP_3_17) {
  Write(60);
  ASSERT_TRUE(storage_->Roll());
  fs_.PutDurably("/data/version-2/log.1e", LogFileHeader());
  EXPECT_EQ(StateAt(45), kNoState) << "nobody knows which of the two a cut would have to end in";
  EXPECT_EQ(StateAt(29), states_[29]);
}

TEST_F(StateUpTo, AtTheStartOfAnEpochIsTheStateBeforeItsFirstTransaction_QP_3_17) {
  const int64_t epoch = int64_t{1} << 32;
  Write(60);
  ASSERT_TRUE(storage_->Write(
      PayloadOf(OpCode::kCreateSession, epoch + 1, CreateSessionTxn{9000}, SessionId{77})));
  EXPECT_EQ(StateAt(epoch), states_[60]);
  EXPECT_EQ(StateAt(60), states_[60]);
  EXPECT_EQ(StateAt(70), kNoState) << "70 is a transaction that this log does not have";
  EXPECT_EQ(StateAt(2 * epoch), kNoState);
  EXPECT_NE(StateAt(epoch + 1), kNoState);
}

TEST_F(StateUpTo, NeedsABaseUnlessTheLogIsTrustedFromItsBeginning_QP_3_17) {
  Write(60);
  ASSERT_TRUE(fs_.Remove("/data/version-2/snapshot.0"));
  EXPECT_EQ(StateAt(50), kNoState);
  Config config = TestConfig();
  config.snapshot_trust_empty = true;
  EXPECT_EQ(StateAt(50, config), states_[50]);
}

TEST_F(StateUpTo, ChangesNothingOnTheDisk_QP_3_17) {
  Write(60);
  Checkpoint();
  WaitForLevelDb();
  fs_.PutDurably("/data/version-2/log.3d", "");  // a last empty file, which a start would delete
  const auto names = fs_.List(kVersionDir);
  const uint64_t operations = fs_.operations();
  EXPECT_EQ(StateAt(60), states_[60]);
  EXPECT_EQ(StateAt(50), states_[50]);
  EXPECT_EQ(*fs_.List(kVersionDir), *names);
  EXPECT_EQ(fs_.operations(), operations);
}

TEST_F(StateUpTo, IsAnErrorWhenTheDiskCannotBeRead) {
  Write(10);
  fs_.StopAtOperation(1);
  EXPECT_FALSE(fs_.SyncDir(kVersionDir));
  const auto tree = Load(5);
  ASSERT_FALSE(tree);
  EXPECT_EQ(tree.error().code, Errc::kIo);
}

}  // namespace
}  // namespace lockkeeper
