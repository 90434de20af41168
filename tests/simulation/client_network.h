// Connections between simulated clients and servers: bytes in order, late, in pieces; a client may
// let go without a word, and what it has sent still arrives.
#ifndef LOCKKEEPER_TESTS_SIMULATION_CLIENT_NETWORK_H_
#define LOCKKEEPER_TESTS_SIMULATION_CLIENT_NETWORK_H_

#include <algorithm>
#include <cstdint>
#include <map>
#include <string>
#include <utility>

#include "protocol/types.h"
#include "tests/simulation/dice.h"
#include "tests/simulation/events.h"
#include "tests/simulation/faults.h"

namespace lockkeeper::simulation {

// The server's end. Each call is about a link that it has accepted.
class LinkServer {
 public:
  virtual ~LinkServer() = default;
  // False: nobody listens.
  virtual bool AcceptLink(uint64_t link) = 0;
  virtual void LinkInput(uint64_t link, const std::string& bytes) = 0;
  virtual void LinkGone(uint64_t link) = 0;
};

// Where a server stood when it sent something: the epoch of its leader, and its tree.
struct Standing {
  int64_t epoch = 0;
  Zxid zxid;
};

// The client's end.
class LinkClient {
 public:
  virtual ~LinkClient() = default;
  virtual void LinkBytes(uint64_t link, const std::string& bytes, const Standing& from) = 0;
  virtual void LinkClosed(uint64_t link) = 0;
};

class ClientNetwork {
 public:
  ClientNetwork(Events* events, Dice* dice, const FaultPlan& plan)
      : events_(*events), dice_(*dice), plan_(plan) {}

  uint64_t Connect(LinkClient* client, LinkServer* server);
  void ToServer(uint64_t link, std::string bytes);
  void ToClient(uint64_t link, std::string bytes, const Standing& from);
  void CloseByServer(uint64_t link);
  // `silently`: the server learns of it much later, and what is under way arrives.
  void LeaveByClient(uint64_t link, bool silently);
  // Nothing arrives for a while.
  void Stall(uint64_t link, int64_t ms);

 private:
  struct Link {
    LinkClient* client;  // null: it has let go
    LinkServer* server;
    bool accepted = false;
    int64_t last_to_server = 0;
    int64_t last_to_client = 0;
  };
  int64_t Delay() { return dice_.Between(0, plan_.max_delay_ms); }
  template <class Fn>
  void Later(uint64_t link, int64_t* last, Fn what) {
    *last = std::max(*last, events_.now() + Delay());
    events_.At(*last, [this, link, what] {
      const auto found = links_.find(link);
      if (found != links_.end()) what(found->second);
    });
  }

  Events& events_;
  Dice& dice_;
  const FaultPlan& plan_;
  std::map<uint64_t, Link> links_;
  uint64_t next_link_ = 1;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_CLIENT_NETWORK_H_
