// Many sessions of one thread: opened a few at a time, kept alive, and closed.
#ifndef LOCKKEEPER_BENCH_LOAD_SESSION_GROUP_H_
#define LOCKKEEPER_BENCH_LOAD_SESSION_GROUP_H_

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "bench/load/options.h"
#include "bench/load/session.h"
#include "protocol/result.h"

namespace lockkeeper::load {

// kBadConfig: the operating system does not let this process have so many sockets.
Status AllowSockets(size_t count);

// Threads: one.
class SessionGroup final : private SessionOwner {
 public:
  // Sessions go to the servers in turn.
  SessionGroup(const std::vector<boost::asio::ip::tcp::endpoint>& servers, int session_timeout_ms)
      : servers_(servers), session_timeout_ms_(session_timeout_ms) {}

  boost::asio::io_context& io() { return io_; }
  // For the sessions that are made for this group.
  SessionOwner* owner() { return this; }
  void Add(std::unique_ptr<Session> session) { sessions_.push_back(std::move(session)); }

  // Opens all that are not open yet.
  Status Open();
  // Runs what the sessions do until Stop.
  Status Run();
  // From inside Run.
  void Stop() { io_.stop(); }
  // What a session's owner learns of a failure that is not the session's own. From inside Run.
  void OnFailure(const std::string& what) override;
  // Ends all sessions.
  Status Close();

 private:
  void OnReady(Session* session) override;
  void OnRepliesDone(TimePoint /*now*/) override {}
  void OnClosed(Session* session) override;
  void ConnectNext();
  void CloseNext();
  void ArmKeepAlive();

  const std::vector<boost::asio::ip::tcp::endpoint> servers_;
  const int session_timeout_ms_;
  boost::asio::io_context io_{1};
  boost::asio::steady_timer keep_alive_timer_{io_};
  std::vector<std::unique_ptr<Session>> sessions_;
  size_t connecting_ = 0;  // first that was not asked to connect
  size_t ready_ = 0;
  size_t closing_ = 0;
  size_t closed_ = 0;
  size_t keep_alive_tick_ = 0;
  std::optional<Error> failure_;
};

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_SESSION_GROUP_H_
