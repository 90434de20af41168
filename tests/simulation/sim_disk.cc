#include "tests/simulation/sim_disk.h"

#include <glog/logging.h>

#include <algorithm>
#include <utility>

#include "protocol/quorum_packet.h"
#include "server/peer/snapshot_receiver.h"
#include "server/storage/tree_snapshot.h"

namespace lockkeeper::simulation {

std::unique_ptr<DataTree> NewTree() { return std::make_unique<DataTree>(DataTreeOptions{}); }

ImageRef ImageOf(const DataTree& tree, const SimState& state) {
  auto image = std::make_shared<Image>(Image{tree.last_zxid(), "", state});
  const Status streamed =
      StreamSnapshot(tree, 1 << 20, [&](const std::string& piece) { image->bytes.append(piece); });
  CHECK(streamed) << streamed.error().message;
  return image;
}

std::unique_ptr<DataTree> TreeOf(const Image& image) {
  SnapshotReceiver receiver(image.zxid, DataTreeOptions{}, kQuorumBufferMax);
  const Result<size_t> taken = receiver.Consume(image.bytes);
  if (!taken || !receiver.done()) return nullptr;
  return receiver.TakeTree();
}

SimDisk::SimDisk() : base_(ImageOf(*NewTree(), {})) {}

Zxid SimDisk::LastLogged() const {
  return log_.empty() ? base_->zxid : std::max(base_->zxid, log_.back().zxid);
}

void SimDisk::Synced(Zxid upto) {
  while (synced_ < log_.size() && log_[synced_].zxid <= upto) ++synced_;
}

void SimDisk::Crash(Dice* dice) {
  log_.resize(synced_ + dice->Below(unsynced() + 1));
  synced_ = log_.size();
}

bool SimDisk::Truncate(Zxid upto) {
  if (upto < base_->zxid) return false;
  const bool ends_there = upto == base_->zxid || Find(upto) != nullptr;
  if (!ends_there) return false;
  while (!log_.empty() && log_.back().zxid > upto) log_.pop_back();
  synced_ = std::min(synced_, log_.size());
  return true;
}

void SimDisk::Install(ImageRef image) {
  base_ = std::move(image);
  log_.clear();
  synced_ = 0;
}

void SimDisk::Checkpoint(ImageRef image, bool purge) {
  base_ = std::move(image);
  if (!purge) return;
  size_t covered = 0;
  while (covered < synced_ && log_[covered].zxid <= base_->zxid) ++covered;
  log_.erase(log_.begin(), log_.begin() + static_cast<std::ptrdiff_t>(covered));
  synced_ -= covered;
}

Loaded SimDisk::LoadUpTo(size_t records) const {
  Loaded loaded{TreeOf(*base_), base_->state};
  CHECK(loaded.tree != nullptr);
  for (size_t i = 0; i < records; ++i) {
    if (log_[i].zxid <= base_->zxid) continue;
    const auto applied = loaded.tree->Apply(*log_[i].payload, nullptr);
    CHECK(applied) << applied.error().message;
    loaded.state.history.push_back(log_[i]);
  }
  loaded.tree->StartWholeCheckpoint();
  return loaded;
}

Loaded SimDisk::Load() const { return LoadUpTo(log_.size()); }

const LogEntry* SimDisk::Find(Zxid zxid) const {
  const auto found = std::lower_bound(log_.begin(), log_.end(), zxid,
                                      [](const LogEntry& e, Zxid z) { return e.zxid < z; });
  return found == log_.end() || found->zxid != zxid ? nullptr : &*found;
}

ImageRef SimDisk::OlderImage() const {
  const Loaded loaded = LoadUpTo(log_.empty() ? 0 : log_.size() - 1);
  return ImageOf(*loaded.tree, loaded.state);
}

}  // namespace lockkeeper::simulation
