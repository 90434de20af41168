// Where the tools write their lines.
#ifndef LOCKKEEPER_SERVER_TOOLS_LINE_SINK_H_
#define LOCKKEEPER_SERVER_TOOLS_LINE_SINK_H_

#include <functional>
#include <string>
#include <string_view>

#include "protocol/result.h"

namespace lockkeeper {

// Takes a line, given without its line break. False: nobody takes lines any more, stop.
using LineSink = std::function<bool(std::string_view line)>;

// Standard output through a buffer. Threads: one.
// Errors:  a reader that went away, as `| head` does, is none: Write returns false, Flush OK.
class StandardOutput {
 public:
  // Makes a reader that goes away an error of the write instead of a signal.
  StandardOutput();

  bool Write(std::string_view line);
  // Must come last. kIo: some lines were not written.
  Status Flush();

 private:
  void Drain();

  std::string buffer_;
  int error_ = 0;  // number of the system's error; later lines are dropped
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_TOOLS_LINE_SINK_H_
