// How much of an append-only file was acknowledged as synced, kept in a small file beside it.
//
// Without it a reader cannot tell the torn tail of a write that a power loss interrupted, which
// must be dropped, from damage to something acknowledged, which must be reported.
//
// The file: four copies of {magic, generation, size, CRC, CRC of all that}, each in a disk block of
// its own. A generation goes to two of them in turn, so that neither the crash while one is
// written nor a damaged block takes back what an earlier one said. The file has all four from the
// start, so that a shorter one is known to be cut.
#ifndef LOCKKEEPER_SERVER_STORAGE_SYNCED_MARK_H_
#define LOCKKEEPER_SERVER_STORAGE_SYNCED_MARK_H_

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "protocol/result.h"
#include "server/storage/file_system.h"

namespace lockkeeper {

// A beginning of a file.
struct SyncedPrefix {
  uint64_t size = 0;  // bytes
  uint32_t crc = 0;   // CRC-32 of these bytes

  void Extend(std::string_view bytes);
  friend bool operator==(const SyncedPrefix&, const SyncedPrefix&) = default;
};

// Threads: one at a time.
class SyncedMark {
 public:
  // A mark that says "nothing", on stable storage except for its name: make it before the file it
  // speaks about. Replaces an old one.
  static Result<std::unique_ptr<SyncedMark>> Create(FileSystem& fs, const std::string& path);
  // An existing one, to go on with.
  static Result<std::unique_ptr<SyncedMark>> Open(FileSystem& fs, const std::string& path);

  const SyncedPrefix& prefix() const { return prefix_; }
  // On stable storage when it returns OK. REQUIRES: these bytes are.
  Status Set(const SyncedPrefix& prefix);
  uint64_t bytes_written() const { return bytes_written_; }

 private:
  explicit SyncedMark(std::unique_ptr<WritableFile> file) : file_(std::move(file)) {}

  const std::unique_ptr<WritableFile> file_;
  SyncedPrefix prefix_;
  uint64_t generation_ = 0;  // the next
  uint64_t bytes_written_ = 0;
};

// kCorruption when the file holds no mark.
Result<SyncedPrefix> ReadSyncedMark(FileSystem& fs, const std::string& path);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_STORAGE_SYNCED_MARK_H_
