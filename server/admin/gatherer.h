// Puts a ServerView together from the threads that own its parts.
#ifndef LOCKKEEPER_SERVER_ADMIN_GATHERER_H_
#define LOCKKEEPER_SERVER_ADMIN_GATHERER_H_

#include <functional>
#include <vector>

#include "server/admin/server_view.h"
#include "server/net/server_context.h"
#include "server/pipeline/messages.h"
#include "server/storage/data_dir.h"

namespace lockkeeper {

// Threads: used by the admin thread; asks the I/O threads and the core by message and waits for
// them, but not for ever.
class Gatherer {
 public:
  Gatherer(const ServerContext& context, std::vector<IoThread*> io_threads, const DataDir& dir,
           uint16_t client_port, MonoMs started);

  // `asking`: the connection the word came in on.
  ServerView Gather(ViewParts parts, ConnectionRef asking, int64_t trace_mask);
  bool serving() const { return context_.serving.serving(); }
  void ResetConnectionStats();
  void ResetServerStats() { context_.metrics.Reset(); }

 private:
  struct IoPart;
  struct CorePart;
  IoPart AskIoThreads(ViewParts parts, ConnectionRef asking);
  CorePart AskCore(ViewParts parts);
  void FillConfig(ServerView* view) const;
  void FillQuorum(ServerView* view) const;
  void FillMetrics(const IoPart& io, const CorePart& core, ServerView* view) const;

  const ServerContext& context_;
  const std::vector<IoThread*> io_threads_;
  const DataDir& dir_;
  const uint16_t client_port_;
  const MonoMs started_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_ADMIN_GATHERER_H_
