// How many connections there may be, in all and from one address (client-protocol 10.5).
#ifndef LOCKKEEPER_SERVER_NET_CONNECTION_LIMITER_H_
#define LOCKKEEPER_SERVER_NET_CONNECTION_LIMITER_H_

#include <mutex>
#include <string>
#include <unordered_map>

namespace lockkeeper {

// Limits of 0 or less mean none. Any thread; not on the path of requests.
class ConnectionLimiter {
 public:
  ConnectionLimiter(int64_t max_total, int64_t max_per_address)
      : max_total_(max_total), max_per_address_(max_per_address) {}

  // False: one too many. Otherwise the connection counts until Release.
  bool Admit(const std::string& address) {
    std::lock_guard lock(mutex_);
    if (max_total_ > 0 && total_ >= max_total_) return false;
    int64_t& count = by_address_[address];
    if (max_per_address_ > 0 && count >= max_per_address_) {
      if (count == 0) by_address_.erase(address);
      return false;
    }
    ++count;
    ++total_;
    return true;
  }
  void Release(const std::string& address) {
    std::lock_guard lock(mutex_);
    --total_;
    const auto found = by_address_.find(address);
    if (found != by_address_.end() && --found->second == 0) by_address_.erase(found);
  }
  int64_t total() const {
    std::lock_guard lock(mutex_);
    return total_;
  }

 private:
  const int64_t max_total_;
  const int64_t max_per_address_;
  mutable std::mutex mutex_;
  int64_t total_ = 0;
  std::unordered_map<std::string, int64_t> by_address_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_NET_CONNECTION_LIMITER_H_
