// The epochs that a member of an ensemble remembers, in ZooKeeper's files:
//
//   <dataDir>/version-2/acceptedEpoch   newest epoch for which it has promised to follow a leader
//   <dataDir>/version-2/currentEpoch    epoch of the newest history that it has taken over
//
// Each is a decimal 64-bit number without a newline; -1 stands for an empty database that nobody
// vouched for. A standalone server ignores both and leaves them in place.
//
// Threads: one at a time for a directory.
// Errors:  kIo; kCorruption for content that must not be served, with file and remedy.
#ifndef LOCKKEEPER_SERVER_STORAGE_EPOCH_FILES_H_
#define LOCKKEEPER_SERVER_STORAGE_EPOCH_FILES_H_

#include <cstdint>
#include <optional>
#include <string>

#include "protocol/result.h"
#include "protocol/types.h"
#include "server/storage/file_system.h"

namespace lockkeeper {

inline constexpr char kAcceptedEpochName[] = "acceptedEpoch";
inline constexpr char kCurrentEpochName[] = "currentEpoch";

enum class EpochKind : uint8_t { kAccepted, kCurrent };
inline const char* NameOf(EpochKind kind) {
  return kind == EpochKind::kAccepted ? kAcceptedEpochName : kCurrentEpochName;
}

struct Epochs {
  int64_t accepted = 0;
  int64_t current = 0;
  friend bool operator==(const Epochs&, const Epochs&) = default;
};

// The number in the first line of `<dir>/<name>`; nullopt: there is no such file.
Result<std::optional<int64_t>> ReadEpoch(FileSystem& fs, const std::string& dir,
                                         const std::string& name);

// Replaces `<dir>/<name>` at once and durably: after a crash it holds the old value or the new
// one, and once this has returned OK the new one.
Status WriteEpoch(FileSystem& fs, const std::string& dir, const std::string& name, int64_t epoch);

// At the start of a member of an ensemble whose database ends with `last` (-1: untrusted and
// empty): reads both files, makes those that are missing with the epoch of `last`, and finishes an
// interrupted update of currentEpoch. Epochs newer than the database are fine; an acceptedEpoch
// older than currentEpoch is refused.
//
// A currentEpoch older than the database is right after a crash between the durable history of a
// new epoch and the file that says so (quorum-protocol 3.7 i): the update that currentEpoch.tmp
// holds whole is taken; else, if acceptedEpoch says that this server had promised to follow the
// epoch of `last`, that epoch, never more: a transaction of an epoch stands behind all history that
// the epoch began with, but says nothing about a later one. Anything else is refused.
Result<Epochs> LoadEpochs(FileSystem& fs, const std::string& dir, Zxid last);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_EPOCH_FILES_H_
