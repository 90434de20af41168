#include "server/storage/recovery.h"

#include <glog/logging.h>

#include <string>

#include "server/clock.h"
#include "server/storage/txn_log_reader.h"

namespace lockkeeper {
namespace {

// The low half of the first zxid of an epoch.
constexpr int64_t kFirstCounter = 1;

Error MissingHistory(const DataDir& dir, Zxid first) {
  return {Errc::kCorruption,
          "the transaction log in " + dir.log_dir() + " begins at zxid 0x" +
              [&] {
                char hex[20];
                std::snprintf(hex, sizeof hex, "%llx",
                              static_cast<unsigned long long>(first.value));
                return std::string(hex);
              }() +
              ": what came before is missing. Restore the earlier log files, or set "
              "snapshot.trust.empty=true to load what is there"};
}

// Until ZooKeeper's snapshots are read, a directory that depends on one must not be served: it
// would look empty.
Status RefuseSnapshots(const DataDir& dir) {
  const Result<std::vector<std::string>> snapshots = dir.Snapshots();
  if (!snapshots) return snapshots.error();
  if (snapshots->empty()) return {};
  return Error{Errc::kCorruption, dir.snapshot_dir() + " holds the ZooKeeper snapshot " +
                                      snapshots->back() +
                                      ", which this version cannot load. Use an empty data "
                                      "directory, or go on with ZooKeeper on this one"};
}

}  // namespace

Result<RecoverySummary> Recover(FileSystem& fs, const DataDir& dir, const Config& config,
                                DataTree* tree) {
  const MonoMs start = MonoNow();
  if (const Status refused = RefuseSnapshots(dir); !refused) return refused.error();
  const Result<bool> initialize = dir.TakeInitializeMarker();
  if (!initialize) return initialize.error();

  RecoverySummary summary;
  const auto apply = [&](Zxid zxid, std::string_view payload) -> Status {
    const bool first = summary.transactions == 0;
    if (first && (zxid.value & 0xFFFFFFFF) != kFirstCounter && !config.snapshot_trust_empty) {
      return MissingHistory(dir, zxid);
    }
    const Result<ApplyOutcome> outcome = tree->Apply(payload, nullptr);
    if (!outcome) return outcome.error();
    ++summary.transactions;
    if (outcome->recorded_digest &&
        static_cast<uint64_t>(outcome->recorded_digest->tree_digest) != tree->digest() &&
        tree->digest_enabled()) {
      LOG_IF(ERROR, summary.digest_mismatches == 0) << "the tree digest differs from the recorded "
                                                       "one at zxid "
                                                    << zxid;
      ++summary.digest_mismatches;
    }
    return {};
  };
  const ReplayLimits limits{
      .payload_bytes_max =
          static_cast<size_t>(config.jute_maxbuffer) + static_cast<size_t>(config.jute_extrasize),
      .allow_gaps = config.allow_discontinuous_proposals || config.snapshot_trust_empty};
  const Result<ReplaySummary> replayed = ReplayLog(fs, dir.log_dir(), Zxid{0}, limits, apply);
  if (!replayed) return replayed.error();
  summary.took_ms = MonoNow().value - start.value;
  if (summary.transactions == 0 && !config.db_autocreate && !*initialize) {
    return Error{Errc::kDataDir, dir.log_dir() +
                                     " is empty and db.autocreate=false: create the file "
                                     "`initialize` beside version-2 to start with an empty tree"};
  }
  LOG(INFO) << summary.transactions << " transactions loaded in " << summary.took_ms
            << " ms, highest zxid is " << tree->last_zxid() << ", " << tree->nodes().size()
            << " znodes, " << tree->sessions().size() << " sessions, digest is " << tree->digest();
  return summary;
}

}  // namespace lockkeeper
