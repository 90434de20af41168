// A session that sends a workload's operations and matches the replies to them.
#ifndef LOCKKEEPER_BENCH_LOAD_CONNECTION_H_
#define LOCKKEEPER_BENCH_LOAD_CONNECTION_H_

#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <deque>
#include <string_view>

#include "bench/load/session.h"
#include "bench/load/workload.h"

namespace lockkeeper::load {

class Connection;

// Who uses connections. Called on the thread that runs the io_context.
class ConnectionOwner : public SessionOwner {
 public:
  // One call for each reply, with the server's error code (0: none).
  virtual void OnReply(Connection* connection, const Operation& operation, int32_t error,
                       TimePoint now) = 0;
};

// Threads: that of its io_context.
class Connection final : public Session {
 public:
  // `deletes`: there will be deletes, so what is created must be remembered.
  Connection(boost::asio::io_context& io, ConnectionOwner* owner, RequestEncoder* encoder,
             bool deletes)
      : Session(io, owner), owner_(owner), encoder_(encoder), deletes_(deletes) {}

  // Puts the request into the next batch. A delete goes to the oldest znode that this session made
  // and has not deleted; where it has none, the operation becomes the create of its target.
  void Send(Operation operation);
  // How many znodes it made, the deletes on their way taken off.
  size_t made() const { return made_.size(); }

 private:
  void OnReply(const ReplyHeader& header, std::string_view body, TimePoint now) override;

  ConnectionOwner* const owner_;
  RequestEncoder* const encoder_;
  const bool deletes_;
  std::deque<Operation> pending_;
  std::deque<Target> made_;
};

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_CONNECTION_H_
