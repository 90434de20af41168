// Every choice of a simulated run comes from one of these, so that a seed is the whole run.
#ifndef LOCKKEEPER_TESTS_SIMULATION_DICE_H_
#define LOCKKEEPER_TESTS_SIMULATION_DICE_H_

#include <cstddef>
#include <cstdint>
#include <random>

namespace lockkeeper::simulation {

class Dice {
 public:
  explicit Dice(uint64_t seed) : random_(seed) {}

  // Uniform in [low, high]. (The standard's distributions differ between libraries.)
  int64_t Between(int64_t low, int64_t high) {
    return low + static_cast<int64_t>(random_() % static_cast<uint64_t>(high - low + 1));
  }
  size_t Below(size_t n) { return static_cast<size_t>(random_() % n); }
  bool OneIn(uint64_t n) { return n > 0 && random_() % n == 0; }
  bool Percent(int64_t p) { return Between(0, 99) < p; }
  uint64_t Raw() { return random_(); }

 private:
  std::mt19937_64 random_;
};

}  // namespace lockkeeper::simulation

#endif  // LOCKKEEPER_TESTS_SIMULATION_DICE_H_
