// The clocks, read only in the shell: the cores get times as arguments.
#ifndef LOCKKEEPER_SERVER_CLOCK_H_
#define LOCKKEEPER_SERVER_CLOCK_H_

#include <chrono>

#include "protocol/types.h"

namespace lockkeeper {

inline MonoMs MonoNow() {
  using namespace std::chrono;
  return MonoMs{duration_cast<milliseconds>(steady_clock::now().time_since_epoch()).count()};
}
inline WallMs WallNow() {
  using namespace std::chrono;
  return WallMs{duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count()};
}
inline std::chrono::steady_clock::time_point TimePointOf(MonoMs t) {
  return std::chrono::steady_clock::time_point(std::chrono::milliseconds(t.value));
}

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_CLOCK_H_
