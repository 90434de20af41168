// Random records of any type, made from their field lists, for property tests.
#ifndef LOCKKEEPER_TESTS_PROTOCOL_RANDOM_RECORD_H_
#define LOCKKEEPER_TESTS_PROTOCOL_RANDOM_RECORD_H_

#include <deque>
#include <random>
#include <string>
#include <string_view>
#include <tuple>

#include "protocol/jute.h"

namespace lockkeeper {

// Owns the bytes that the generated views point to.
class RandomRecords {
 public:
  explicit RandomRecords(uint64_t seed) : random_(seed) {}

  template <Record R>
  R Make() {
    R record{};
    Fill(record);
    return record;
  }

 private:
  void Fill(bool& v) { v = random_() % 2 == 0; }
  void Fill(int32_t& v) { v = static_cast<int32_t>(Extreme(random_())); }
  void Fill(int64_t& v) { v = static_cast<int64_t>(Extreme(random_())); }
  void Fill(std::string_view& v) {
    const uint64_t choice = random_() % 8;
    if (choice == 0) {
      v = {};
    } else if (choice == 1) {
      v = EmptyString();
    } else {
      std::string& bytes = bytes_.emplace_back(1 + random_() % 40, '\0');
      for (char& c : bytes) c = static_cast<char>(random_());
      v = bytes;
    }
  }
  template <class T>
  void Fill(JuteVector<T>& v) {
    v.reset();
    if (random_() % 6 == 0) return;
    v.emplace(random_() % 5);
    for (T& item : *v) Fill(item);
  }
  template <Record R>
  void Fill(R& record) {
    std::apply([this](const auto&... field) { (Fill(field.value), ...); }, R::Fields(record));
  }
  // Small numbers, their negatives and arbitrary ones.
  uint64_t Extreme(uint64_t v) { return v % 3 == 0 ? v : v % 3 == 1 ? v % 5 : ~(v % 5); }

  std::mt19937_64 random_;
  std::deque<std::string> bytes_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_TESTS_PROTOCOL_RANDOM_RECORD_H_
