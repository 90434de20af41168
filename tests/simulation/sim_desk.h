// The I/O thread of a simulated server: real ClientSessions and the real delivery (SessionHost)
// over the bytes of a simulated client network.
#ifndef LOCKKEEPER_TESTS_SIMULATION_SIM_DESK_H_
#define LOCKKEEPER_TESTS_SIMULATION_SIM_DESK_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/net/server_context.h"
#include "server/session/client_session.h"
#include "server/session/session_host.h"

namespace lockkeeper::simulation {

class SimDesk final : public SessionHost {
 public:
  struct Wires {
    std::function<void(uint64_t link, std::string bytes)> send;
    std::function<void(uint64_t link)> close;
  };
  SimDesk(const ServerContext& context, Wires wires);

  // Each is one turn of the thread, at `now`.
  void Accept(MonoMs now, uint64_t link);
  void Input(MonoMs now, uint64_t link, std::string_view bytes);
  void Gone(MonoMs now, uint64_t link);
  void ReportTouches(MonoMs now);
  void Turn(MonoMs now);

  // Something came from the core since the last turn.
  bool waits() const { return !inbox_.empty(); }
  // From the core.
  void Enqueue(IoMessage message) { inbox_.push_back(std::move(message)); }

  // A planted bug: reads go to a tree that stands still.
  void ReadFrom(std::unique_ptr<DataTree> old) { old_ = std::move(old); }
  // A planted bug: the last transaction of a slice fires no watch.
  void LoseWatchesAtSliceBorders() { lose_watches_ = true; }

  // A planted bug: no session is ever late.
  void NeverComplete() { complete_ = false; }

  // SessionHost
  const DataTree& ReadTree() override;
  void CatchUp() override { Drain(); }
  void CountRead(size_t) override {}
  void Touch(SessionId session) override;
  void CoreHasWork() override {}

 private:
  struct Link {
    std::string in, out;
    std::unique_ptr<ClientSession> session;
  };
  ClientSession* Reach(uint64_t connection) override;
  void Drain();
  void Handle(const AppliedBatchRef& batch);
  void Handle(const SessionAttached& attached);
  void Handle(const CloseConnection& close) { Close(close.connection); }
  void Handle(const CloseAllConnections&);
  void Handle(const IoTask&) {}
  void Settle();
  bool SettleOne(uint64_t id);
  void Close(uint64_t link);
  void BeginTurn(MonoMs now) {
    SetTime(now.value * 1000);
    ForgetFound();
  }

  const ServerContext& context_;
  const Wires wires_;
  // Who works on a link holds it, as a delivery on the way may close it.
  std::map<uint64_t, std::shared_ptr<Link>> links_;
  std::vector<IoMessage> inbox_;
  std::map<SessionId, MonoMs> touched_;
  MonoMs previous_report_;
  std::unique_ptr<DataTree> old_;
  bool lose_watches_ = false;
  bool complete_ = true;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_SIM_DESK_H_
