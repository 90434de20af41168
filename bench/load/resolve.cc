#include "bench/load/resolve.h"

#include <boost/asio/io_context.hpp>

namespace lockkeeper::load {

using boost::asio::ip::tcp;

Result<std::vector<tcp::endpoint>> Resolve(const LoadOptions& options) {
  boost::asio::io_context io;
  std::vector<tcp::endpoint> endpoints;
  for (const auto& [host, port] : options.servers) {
    boost::system::error_code ec;
    const auto found = tcp::resolver(io).resolve(host, port, ec);
    if (ec || found.empty()) return Error{Errc::kBadConfig, host + ": " + ec.message()};
    endpoints.push_back(found.begin()->endpoint());
  }
  return endpoints;
}

}  // namespace lockkeeper::load
