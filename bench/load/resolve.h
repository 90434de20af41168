// The addresses of the servers that the command line names.
#ifndef LOCKKEEPER_BENCH_LOAD_RESOLVE_H_
#define LOCKKEEPER_BENCH_LOAD_RESOLVE_H_

#include <boost/asio/ip/tcp.hpp>
#include <vector>

#include "bench/load/options.h"
#include "protocol/result.h"

namespace lockkeeper::load {

// The first address of each, in the same order; never empty.
Result<std::vector<boost::asio::ip::tcp::endpoint>> Resolve(const LoadOptions& options);

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_RESOLVE_H_
