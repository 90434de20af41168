// Messages for operators, put together from what can be printed.
#ifndef LOCKKEEPER_ZAB_TEXT_H_
#define LOCKKEEPER_ZAB_TEXT_H_

#include <sstream>
#include <string>

namespace lockkeeper::zab {

template <class... Parts>
std::string Text(const Parts&... parts) {
  std::ostringstream text;
  (text << ... << parts);
  return text.str();
}

}  // namespace lockkeeper::zab

#endif  // LOCKKEEPER_ZAB_TEXT_H_
