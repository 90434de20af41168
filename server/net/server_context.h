// What every I/O thread needs and none owns: set up before the threads start, constant afterwards.
#ifndef LOCKKEEPER_SERVER_NET_SERVER_CONTEXT_H_
#define LOCKKEEPER_SERVER_NET_SERVER_CONTEXT_H_

#include <atomic>
#include <functional>
#include <string>

#include "datatree/acl.h"
#include "server/admin/metrics.h"
#include "server/auth/auth_schemes.h"
#include "server/config/config.h"
#include "server/net/connection_limiter.h"
#include "server/pipeline/inbox.h"
#include "server/pipeline/messages.h"
#include "server/pipeline/outstanding.h"
#include "server/pipeline/read_gate.h"
#include "server/pipeline/serving_state.h"
#include "server/pipeline/tree_slot.h"

namespace lockkeeper {

struct ServerContext {
  const Config& config;
  const AccessRules access;
  const AuthSchemes& auth;
  const TreeSlot& slot;  // read inside the gate only
  ReadGate& gate;
  Inbox<CoreMessage>& core;
  Outstanding& outstanding;
  ConnectionLimiter& limiter;
  Metrics& metrics;
  std::atomic<int64_t>& auth_failed;
  const ServingState& serving;
  // Answers a four-letter word on `connection`, some time later, through its I/O thread.
  // `argument`: the bytes after the word that have already arrived.
  std::function<void(ConnectionRef connection, int32_t word, std::string argument)> on_four_letter;
  // After quiet pushes to `core`, outside the gate: see CoreLoop::RunHereOrWake.
  std::function<void()> run_core = {};
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_NET_SERVER_CONTEXT_H_
