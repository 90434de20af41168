// One running server: its threads and what they share, started and stopped in order.
#ifndef LOCKKEEPER_SERVER_SERVER_H_
#define LOCKKEEPER_SERVER_SERVER_H_

#include <atomic>
#include <functional>
#include <memory>
#include <vector>

#include "datatree/data_tree.h"
#include "protocol/result.h"
#include "server/admin/admin_thread.h"
#include "server/admin/gatherer.h"
#include "server/admin/metrics.h"
#include "server/auth/auth_schemes.h"
#include "server/config/config.h"
#include "server/net/connection_limiter.h"
#include "server/net/io_thread.h"
#include "server/net/listener.h"
#include "server/net/server_context.h"
#include "server/peer/peer_network.h"
#include "server/pipeline/checkpoint_thread.h"
#include "server/pipeline/core_loop.h"
#include "server/pipeline/log_thread.h"
#include "server/pipeline/read_gate.h"
#include "server/storage/data_dir.h"
#include "server/storage/file_system.h"

namespace lockkeeper {

class Server {
 public:
  // `failed`: called at most once, on any thread, when the server can serve no more (the log
  // cannot be written); the process must call Stop and exit with an error.
  Server(Config config, std::function<void(const Error&)> failed);
  ~Server();

  // Locks and recovers the data directory, starts the threads, opens the client port last.
  Status Start();
  // In the reverse order; what was acknowledged is on disk. Also after a failed Start.
  void Stop();

  // 0 before Start, or without a client port.
  uint16_t client_port() const { return client_port_; }

 private:
  Status OpenStorage();
  void MakeThreads();
  Status JoinEnsemble();
  StorageOperations StorageOfMember();
  void ShowMembership(DataTree* tree) const;
  Status OpenPort();

  const Config config_;
  const std::function<void(const Error&)> failed_;
  const MonoMs started_;
  const AuthSchemes auth_;
  FileSystem& fs_;
  std::unique_ptr<DataDir> dir_;
  Metrics metrics_;
  TreeSlot slot_;
  ServingState serving_;
  ReadGate gate_;
  Inbox<CoreMessage> core_inbox_;
  Outstanding outstanding_;
  std::atomic<int64_t> auth_failed_{0};
  ConnectionLimiter limiter_;
  std::unique_ptr<ServerContext> context_;
  std::unique_ptr<TxnLogWriter> log_writer_;
  std::unique_ptr<LogThread> log_;
  std::unique_ptr<CheckpointStore> checkpoint_store_;
  std::unique_ptr<CheckpointThread> checkpoints_;
  std::vector<std::unique_ptr<IoThread>> io_threads_;
  std::vector<IoThread*> io_;
  std::unique_ptr<PeerNetwork> network_;
  std::unique_ptr<RoleRecorder> role_recorder_;
  std::unique_ptr<CoreLoop> core_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<Gatherer> gatherer_;
  std::unique_ptr<AdminThread> admin_;
  uint16_t client_port_ = 0;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_SERVER_H_
