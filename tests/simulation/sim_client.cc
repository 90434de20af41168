// What a simulated client does; client_checks.cc has what it makes of the answers.
#include "tests/simulation/sim_client.h"

#include <algorithm>
#include <utility>

#include "protocol/jute.h"
#include "zab/text.h"

namespace lockkeeper::simulation {
namespace {

using zab::Text;

std::string Framed(std::string_view content) {
  std::string frame(4, '\0');
  StoreInt(static_cast<int32_t>(content.size()), frame.data());
  return frame.append(content);
}

const std::vector<Acl>& OpenToAll() {
  static const std::vector<Acl> kOpen{{kPermAll, {"world", "anyone"}}};
  return kOpen;
}

CreateRequest CreateOf(const std::string& path, const std::string& data, CreateMode mode) {
  return {path, data, OpenToAll(), static_cast<int32_t>(mode)};
}

}  // namespace

SimClient::SimClient(const Surroundings& surroundings, int number,
                     const std::vector<std::unique_ptr<SimServer>>* servers)
    : around_(surroundings),
      number_(number),
      servers_(*servers),
      wanted_timeout_ms_(
          static_cast<int32_t>(around_.config->tick_time_ms * around_.dice->Between(6, 20))),
      outstanding_max_(static_cast<size_t>(around_.dice->Between(1, 6))) {}

void SimClient::Trace(const std::string& what) {
  if (around_.trace) around_.trace(Text(now(), " client ", number_, ": ", what));
}

std::string SimClient::Described() const {
  static constexpr const char* kStates[] = {" is idle", " connects", " is open"};
  return Text("client ", number_, kStates[static_cast<int>(state_)], " at server ", server_,
              " with session ", session_, ", ", asked_.size(), " unanswered");
}

void SimClient::Begin() { Tick(); }

void SimClient::Tick() {
  const bool silent = now() < silent_until_;
  if (!silent && state_ == State::kIdle) Connect();
  if (!silent && state_ != State::kIdle) {
    const int64_t patience = timeout_ms_ > 0 ? timeout_ms_ * 2 / 3 : int64_t{2'000};
    const bool waits = state_ == State::kConnecting || !asked_.empty();
    if (waits && now() - last_heard_ > patience && now() - last_sent_ > patience) {
      Trace("has waited long enough");
      Move(around_.dice->OneIn(3));
    } else if (state_ == State::kOpen) {
      AskSomething();
    }
  }
  around_.events->After(around_.dice->Between(1, 2 * around_.plan->client_ms), [this] { Tick(); });
}

void SimClient::Connect() {
  SimServer* server = servers_[around_.dice->Below(servers_.size())].get();
  server_ = server->id();
  link_ = around_.client_network->Connect(this, server);
  state_ = State::kConnecting;
  last_sent_ = last_heard_ = now();
  ++handshakes_;
  std::string request;
  Encode(ConnectRequest{0, seen_.value, wanted_timeout_ms_, session_.value,
                        password_.empty() ? std::string_view("", 0) : password_},
         &request);
  request.push_back('\0');  // not read-only
  around_.client_network->ToServer(link_, Framed(request));
}

void SimClient::FallSilent(int64_t ms) {
  if (good_) return;
  Trace(Text("falls silent for ", ms, " ms"));
  silent_until_ = now() + ms;
  if (state_ != State::kIdle) Move(true);
}

void SimClient::Move(bool silently) {
  if (link_ == 0) return;
  around_.client_network->LeaveByClient(link_, silently);
  if (silently && !asked_.empty()) Saw("connection left with requests on it");
  Disconnected();
}

// What was asked may be done or not; nobody will say.
void SimClient::Disconnected() {
  link_ = 0;
  state_ = State::kIdle;
  in_.clear();
  asked_.clear();
  // As a client does that keeps its watches; half of the time it forgets them.
  if (around_.dice->OneIn(2)) {
    carried_data_.insert(data_watches_.begin(), data_watches_.end());
    carried_child_.insert(child_watches_.begin(), child_watches_.end());
  } else {
    carried_data_.clear();
    carried_child_.clear();
  }
  data_watches_.clear();
  child_watches_.clear();
}

// The session is over for this client.
void SimClient::Forget() {
  session_ = {};
  password_.clear();
  timeout_ms_ = 0;
  seen_ = {};
  next_xid_ = 1;
  handshakes_ = 0;
  session_server_ = {};
  carried_data_.clear();
  carried_child_.clear();
}

void SimClient::LinkClosed(uint64_t link) {
  if (link == link_) Disconnected();
}

void SimClient::LinkBytes(uint64_t link, const std::string& bytes, const Standing& from) {
  if (link != link_) return;
  last_heard_ = now();
  in_ += bytes;
  size_t taken = 0;
  while (link == link_ && in_.size() - taken >= 4) {
    const auto length = static_cast<size_t>(LoadInt(in_.data() + taken));
    if (in_.size() - taken - 4 < length) break;
    const std::string frame = in_.substr(taken + 4, length);
    taken += 4 + length;
    OnFrame(frame, from);
  }
  if (link == link_) in_.erase(0, taken);
}

// ---- Requests.

void SimClient::Ask(Asked asked, std::string_view body) {
  if (asked.op != OpCode::kPing) asked.xid = next_xid_++;
  asked.at = last_sent_ = now();
  asked.answered_before = around_.checker->newest_answer();
  std::string request;
  Encode(RequestHeader{asked.op == OpCode::kPing ? kPingXid : asked.xid,
                       static_cast<int32_t>(asked.op)},
         &request);
  around_.client_network->ToServer(link_, Framed(request.append(body)));
  asked_.push_back(std::move(asked));
}

template <class R>
void SimClient::AskRecord(Asked asked, const R& request) {
  std::string body;
  Encode(request, &body);
  Ask(std::move(asked), body);
}

std::string SimClient::AnyPath() {
  switch (around_.dice->Below(4)) {
    case 0:
      return Text("/p/", around_.dice->Between(0, 3), "/", around_.dice->Between(0, 2));
    case 1:
      return Text("/e", number_, "-", around_.dice->Between(0, 3));
    default:
      return Text("/p/", around_.dice->Between(0, 3));
  }
}

void SimClient::WriteLast() {
  const bool asked =
      std::any_of(asked_.begin(), asked_.end(), [](const Asked& a) { return a.last; });
  if (state_ != State::kOpen || asked) return;
  const std::string path = Text("/last", number_, "-", next_name_++);
  AskRecord({.op = OpCode::kCreate, .path = path, .last = true},
            CreateOf(path, "", CreateMode::kPersistent));
}

void SimClient::AskSomething() {
  if (asked_.size() >= outstanding_max_) return;
  if (stopped_) {
    if (now() - last_sent_ > timeout_ms_ / 4) Ask({.op = OpCode::kPing}, "");
    return;
  }
  Dice& dice = *around_.dice;
  const std::string path = AnyPath();
  const std::string data = Text("d", number_, "-", next_name_++);
  const bool watch = dice.OneIn(2) && data_watches_.size() + child_watches_.size() < 6;
  switch (dice.Below(16)) {
    case 0:
      return AskRecord({.op = OpCode::kCreate, .path = "/p", .data = data},
                       CreateOf("/p", data, CreateMode::kPersistent));
    case 1:
    case 2:
      return AskRecord(
          {.op = OpCode::kCreate, .path = path, .data = data},
          CreateOf(path, data, path[1] == 'e' ? CreateMode::kEphemeral : CreateMode::kPersistent));
    case 3:
      return AskRecord({.op = OpCode::kCreate, .path = "/p/0/s-", .data = data},
                       CreateOf("/p/0/s-", data,
                                dice.OneIn(2) ? CreateMode::kEphemeralSequential
                                              : CreateMode::kPersistentSequential));
    case 4:
    case 5:
    case 6: {
      // Compare-and-set, often with what is right, seldom with any.
      const auto version =
          dice.OneIn(6) ? -1 : model().At(path, seen_).version + (dice.OneIn(5) ? 1 : 0);
      return AskRecord({.op = OpCode::kSetData, .path = path, .version = version, .data = data},
                       SetDataRequest{path, data, version});
    }
    case 7:
      return AskRecord({.op = OpCode::kDelete, .path = path}, DeleteRequest{path, -1});
    case 8:
      return AskMulti();
    case 9:
      return AskRecord({.op = OpCode::kSync, .path = path}, PathRequest{path});
    case 10:
    case 11:
      return AskRecord({.op = OpCode::kGetData, .path = path, .watch = watch},
                       PathWatchRequest{path, watch});
    case 12:
      return AskRecord({.op = OpCode::kExists, .path = path, .watch = watch},
                       PathWatchRequest{path, watch});
    case 13: {
      const std::string parent = dice.OneIn(2) ? "/p" : "/p/0";
      return AskRecord({.op = OpCode::kGetChildren, .path = parent, .watch = watch},
                       PathWatchRequest{parent, watch});
    }
    case 14:
      if (!good_ && dice.OneIn(20)) return Ask({.op = OpCode::kCloseSession}, "");
      return Ask({.op = OpCode::kPing}, "");
    default:
      return Ask({.op = OpCode::kPing}, "");
  }
}

// The first request of a connection: what happened meanwhile comes as events.
void SimClient::SetWatchesAgain() {
  if (carried_data_.empty() && carried_child_.empty()) return;
  SetWatchesRequest request{.relative_zxid = seen_.value};
  request.data_watches.emplace();
  request.exist_watches.emplace();
  request.child_watches.emplace();
  for (const auto& [path, since] : carried_data_) {
    auto& list = model().At(path, since).exists ? request.data_watches : request.exist_watches;
    list->push_back(path);
  }
  for (const auto& [path, since] : carried_child_) request.child_watches->push_back(path);
  AskRecord({.op = OpCode::kSetWatches}, request);
}

// A create, a check and a compare-and-set: all or nothing.
void SimClient::AskMulti() {
  const std::string one = AnyPath();
  const std::string two = AnyPath();
  const std::string data = Text("m", number_, "-", next_name_++);
  const int32_t version = model().At(two, seen_).version;
  std::string body;
  const auto add = [&](OpCode op, const auto& element) {
    Encode(MultiHeader{static_cast<int32_t>(op), false, -1}, &body);
    Encode(element, &body);
  };
  add(OpCode::kCreate, CreateOf(one, data, CreateMode::kEphemeral));
  add(OpCode::kCheck, CheckVersionRequest{two, version});
  add(OpCode::kSetData, SetDataRequest{two, data, version});
  Encode(MultiHeader{-1, true, -1}, &body);
  Ask({.op = OpCode::kMulti, .path = two, .version = version, .data = data}, body);
}

}  // namespace lockkeeper::simulation
