// A simulated client: one session after the other, on any server, with several requests at once,
// with watches and ephemerals. It checks what it is told against the canonical history.
#ifndef LOCKKEEPER_TESTS_SIMULATION_SIM_CLIENT_H_
#define LOCKKEEPER_TESTS_SIMULATION_SIM_CLIENT_H_

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "protocol/op_code.h"
#include "protocol/records.h"
#include "protocol/types.h"
#include "tests/simulation/checker.h"
#include "tests/simulation/client_network.h"
#include "tests/simulation/sim_server.h"

namespace lockkeeper::simulation {

class SimClient final : public LinkClient {
 public:
  SimClient(const Surroundings& surroundings, int number,
            const std::vector<std::unique_ptr<SimServer>>* servers);

  // Goes on until told to be good or to stop.
  void Begin();
  // No more silence and no more moves: from here on its session must live.
  void BeGood() { good_ = true; }
  // Asks nothing more, but keeps its session.
  void Stop() { stopped_ = true; }
  // A write that must be done: see `wrote_last`.
  void WriteLast();
  bool wrote_last() const { return wrote_last_; }
  bool open() const { return state_ == State::kOpen; }
  SessionId session() const { return session_; }
  // Lets go of its connection and does nothing for `ms`.
  void FallSilent(int64_t ms);
  void Move(bool silently);
  void StallLink(int64_t ms) { around_.client_network->Stall(link_, ms); }
  // It has a session that nobody has heard of for longer than its timeout.
  bool overdue() const { return session_.value != 0 && now() - last_sent_ > timeout_ms_; }
  // Of its session, told by the canonical history.
  void HearExpired();
  std::string Described() const;

  // LinkClient
  void LinkBytes(uint64_t link, const std::string& bytes, const Standing& from) override;
  void LinkClosed(uint64_t link) override;

 private:
  enum class State : uint8_t { kIdle, kConnecting, kOpen };
  struct Asked {
    int32_t xid = 0;
    OpCode op = OpCode::kPing;
    std::string path;
    int32_t version = -1;
    std::string data;
    bool watch = false;
    bool last = false;
    Zxid answered_before;  // to anybody, when it was asked
    int64_t at = 0;
  };

  void Tick();
  void Connect();
  void Forget();
  void Disconnected();
  void AskSomething();
  void Ask(Asked asked, std::string_view body);
  template <class R>
  void AskRecord(Asked asked, const R& request);
  void AskMulti();
  void OnFrame(std::string_view frame, const Standing& from);
  void OnConnected(std::string_view frame, const Standing& from);
  void OnEvent(const ReplyHeader& header, std::string_view body);
  void OnReply(const ReplyHeader& header, std::string_view body, const Standing& from);
  void CheckWrite(const Asked& asked, const ReplyHeader& header, std::string_view body);
  void CheckRefusal(const Asked& asked, const ReplyHeader& header);
  void CheckRead(const Asked& asked, const ReplyHeader& header, std::string_view body);
  void CheckWatches(Zxid shown);
  void SetWatchesAgain();
  void CheckSetWatches(Zxid shown);
  void Say(const std::string& what);
  void Trace(const std::string& what);
  void Saw(const char* what) { ++(*around_.sightings)[what]; }
  std::string AnyPath();
  int64_t now() const { return around_.events->now(); }
  const TreeModel& model() const { return around_.checker->model(); }

  const Surroundings around_;
  const int number_;
  const std::vector<std::unique_ptr<SimServer>>& servers_;
  int32_t wanted_timeout_ms_;
  size_t outstanding_max_;
  State state_ = State::kIdle;
  uint64_t link_ = 0;
  PeerId server_;
  PeerId session_server_;  // that has taken the session last
  SessionId session_;
  int32_t timeout_ms_ = 0;
  std::string password_;
  int32_t next_xid_ = 1;
  int handshakes_ = 0;  // with this session
  Zxid seen_;           // newest state that this session was shown
  std::string in_;
  std::deque<Asked> asked_;
  using Watches = std::map<std::string, Zxid>;  // with the state that they were set at
  Watches data_watches_, child_watches_;
  // Of the connection before: to be set again on this one.
  Watches carried_data_, carried_child_;
  int64_t silent_until_ = 0;
  int64_t last_sent_ = 0;
  int64_t last_heard_ = 0;
  int64_t answered_asked_at_ = 0;  // when the newest request that was answered was asked
  bool good_ = false;
  bool stopped_ = false;
  bool wrote_last_ = false;
  int32_t next_name_ = 0;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_SIM_CLIENT_H_
