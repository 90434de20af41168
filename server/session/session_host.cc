#include "server/session/session_host.h"

#include <glog/logging.h>

#include "server/session/client_session.h"

namespace lockkeeper {

void SessionHost::Deliver(const AppliedBatch& batch) {
  for (const BatchItem& item : batch.items) {
    seen_zxid_ = item.zxid;
    FireWatches(batch, item);
    if (item.to.id == 0 || item.to.io_thread != index_) continue;
    ClientSession* session = Reach(item.to.id);
    if (session != nullptr) session->OnDelivery(item, batch);
  }
  seen_zxid_ = batch.last_zxid;  // not always higher: what was never committed may have gone
}

void SessionHost::FireWatches(const AppliedBatch& batch, const BatchItem& item) {
  if (watches_.empty()) return;
  for (uint32_t i = item.changes_begin; i < item.changes_end; ++i) {
    std::array<int64_t, 5> fired_by_type{};
    watches_.Match(batch.changes[i], [&](const FiredWatch& fired) {
      ClientSession* session = Reach(fired.watcher);
      CHECK(session != nullptr);
      session->OnEvent(item.zxid, fired);
      ++fired_by_type[static_cast<size_t>(fired.type)];
    });
    RecordFired(fired_by_type);
  }
}

// How many watches one change fired, by the type of the event.
void SessionHost::RecordFired(const std::array<int64_t, 5>& fired_by_type) {
  Summary* const summaries[] = {
      nullptr, &metrics_.node_created_watch_count, &metrics_.node_deleted_watch_count,
      &metrics_.node_changed_watch_count, &metrics_.node_children_watch_count};
  for (size_t type = 1; type < fired_by_type.size(); ++type) {
    if (fired_by_type[type] > 0) summaries[type]->Record(fired_by_type[type]);
  }
}

}  // namespace lockkeeper
