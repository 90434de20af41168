// Operating errors as values: what went wrong and in which file, offset, key or path.
#ifndef LOCKKEEPER_PROTOCOL_RESULT_H_
#define LOCKKEEPER_PROTOCOL_RESULT_H_

#include <glog/logging.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <variant>

namespace lockkeeper {

enum class Errc : uint8_t {
  kIo,            // the operating system refused; the state of the file is unknown after a write
  kCorruption,    // bytes on disk that cannot be what we or ZooKeeper wrote
  kBadConfig,     // a key or value of the configuration; exit code 2
  kDataDir,       // data directory missing, not writable, locked or of the wrong kind; exit code 3
  kCheckpoint,    // a checkpoint could not be written; exit code 10
  kElectionPort,  // it cannot be opened, after all retries; exit code 14
  kTooLarge,
  kBadFrame,
};

// `message` is complete for an operator: it is made once, where the failure happened.
struct Error {
  Errc code;
  std::string message;
};

// A value or an Error. Dereferencing an error is a bug and ends the process.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : v_(std::move(value)) {}      // NOLINT: implicit by design
  Result(Error error) : v_(std::move(error)) {}  // NOLINT: implicit by design
  bool has_value() const { return std::holds_alternative<T>(v_); }
  explicit operator bool() const { return has_value(); }
  T& operator*() {
    CHECK(has_value()) << std::get<Error>(v_).message;
    return std::get<T>(v_);
  }
  const T& operator*() const {
    CHECK(has_value()) << std::get<Error>(v_).message;
    return std::get<T>(v_);
  }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }
  const Error& error() const { return std::get<Error>(v_); }

 private:
  std::variant<T, Error> v_;
};

// Success or an Error, for operations without a value.
class [[nodiscard]] Status {
 public:
  Status() = default;
  Status(Error error) : error_(std::move(error)) {}  // NOLINT: implicit by design
  bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  const Error& error() const { return *error_; }

 private:
  std::optional<Error> error_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_PROTOCOL_RESULT_H_
