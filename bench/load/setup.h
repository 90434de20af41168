// The znodes that a scenario needs.
#ifndef LOCKKEEPER_BENCH_LOAD_SETUP_H_
#define LOCKKEEPER_BENCH_LOAD_SETUP_H_

#include <boost/asio/ip/tcp.hpp>
#include <string>
#include <vector>

#include "protocol/records.h"
#include "protocol/result.h"

namespace lockkeeper::load {

// Anyone may do anything.
const JuteVector<Acl>& OpenAcl();

// Creates the znodes, without data, in this order; those that are there stay as they are.
Status MakeZnodes(const boost::asio::ip::tcp::endpoint& server,
                  const std::vector<std::string>& paths);

}  // namespace lockkeeper::load

#endif  // LOCKKEEPER_BENCH_LOAD_SETUP_H_
