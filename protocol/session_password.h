// The password that goes with a session id: a pure function, so that every server of an ensemble,
// a restarted one and Apache ZooKeeper itself agree on it (client-protocol 2.6).
#ifndef LOCKKEEPER_PROTOCOL_SESSION_PASSWORD_H_
#define LOCKKEEPER_PROTOCOL_SESSION_PASSWORD_H_

#include <array>
#include <string_view>

#include "protocol/types.h"

namespace lockkeeper {

using SessionPassword = std::array<char, 16>;

SessionPassword PasswordFor(SessionId id);
// False for id 0 and for anything but exactly these 16 bytes.
bool IsPasswordOf(SessionId id, std::string_view passwd);

// The id that a server's session counter starts with (client-protocol 2.5); `now_ms` is any clock
// in ms that did not stand there before, `server_id` becomes the top byte.
SessionId InitialSessionId(int64_t server_id, int64_t now_ms);

}  // namespace lockkeeper

#endif  // LOCKKEEPER_PROTOCOL_SESSION_PASSWORD_H_
