// What has arrived on a socket and is not taken yet, because it is not whole.
#ifndef LOCKKEEPER_SERVER_PEER_INPUT_BUFFER_H_
#define LOCKKEEPER_SERVER_PEER_INPUT_BUFFER_H_

#include <string>
#include <string_view>

namespace lockkeeper {

class InputBuffer {
 public:
  // Calls `take` once with everything that is not taken; it returns how many bytes it took. Bytes
  // are copied only where something remains.
  template <class Take>
  void Feed(std::string_view bytes, Take&& take) {
    if (rest_.empty()) {
      rest_.assign(bytes.substr(take(bytes)));
    } else {
      rest_.append(bytes);
      rest_.erase(0, take(std::string_view(rest_)));
    }
    if (rest_.empty()) std::string().swap(rest_);  // an idle connection holds no buffer
  }

 private:
  std::string rest_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_PEER_INPUT_BUFFER_H_
