#include "server/tools/command.h"

#include <iostream>

#include "server/config/load_config.h"

namespace lockkeeper {

int FailCommand(const Error& error) {
  std::cerr << "lockkeeper: " << error.message << std::endl;
  return ExitCode(error);
}

}  // namespace lockkeeper
