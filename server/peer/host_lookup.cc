#include "server/peer/host_lookup.h"

#include <netdb.h>

#include <algorithm>
#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <mutex>
#include <thread>
#include <utility>

namespace lockkeeper {
namespace {

using boost::asio::ip::tcp;

tcp::endpoint ToEndpoint(const addrinfo& entry) {
  tcp::endpoint endpoint;
  endpoint.resize(entry.ai_addrlen);
  std::copy_n(reinterpret_cast<const char*>(entry.ai_addr), entry.ai_addrlen,
              reinterpret_cast<char*>(endpoint.data()));
  return endpoint;
}

HostEndpoints AskResolver(const HostPort& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  const std::string port = std::to_string(address.port);
  const int error = ::getaddrinfo(address.host.c_str(), port.c_str(), &hints, &list);
  if (error != 0) {
    return Error{Errc::kIo, "the host " + address.host + " is not known: " + ::gai_strerror(error)};
  }
  std::vector<tcp::endpoint> found;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_family != AF_INET && entry->ai_family != AF_INET6) continue;
    const tcp::endpoint endpoint = ToEndpoint(*entry);
    if (std::find(found.begin(), found.end(), endpoint) == found.end()) found.push_back(endpoint);
  }
  ::freeaddrinfo(list);
  if (found.empty()) return Error{Errc::kIo, "the host " + address.host + " has no address"};
  std::stable_partition(found.begin(), found.end(),
                        [](const tcp::endpoint& e) { return e.address().is_v4(); });
  return found;
}

}  // namespace

struct HostLookup::Mailbox {
  std::mutex mutex;
  HostLookup* owner;  // guarded by mutex; nullptr: nobody waits any more
};

HostEndpoints LookUpNow(const HostPort& address) {
  boost::system::error_code ec;
  const auto numeric = boost::asio::ip::make_address(address.host, ec);
  if (!ec) return std::vector{tcp::endpoint(numeric, address.port)};
  return AskResolver(address);
}

HostLookup::HostLookup(boost::asio::io_context& loop)
    : loop_(loop), mailbox_(std::make_shared<Mailbox>()) {
  mailbox_->owner = this;
}

HostLookup::~HostLookup() {
  std::lock_guard lock(mailbox_->mutex);
  mailbox_->owner = nullptr;
}

void HostLookup::Find(const HostPort& address, Answer answer) {
  const uint64_t question = ++last_question_;
  answers_.emplace(question, std::move(answer));
  boost::system::error_code ec;
  const auto numeric = boost::asio::ip::make_address(address.host, ec);
  if (!ec) {
    const tcp::endpoint endpoint(numeric, address.port);
    boost::asio::post(loop_,
                      [this, question, endpoint] { Deliver(question, std::vector{endpoint}); });
    return;
  }
  // Not joined: the resolver cannot be interrupted, and nobody shall wait for it at the end.
  std::thread([mailbox = mailbox_, question, address] {
    HostEndpoints found = AskResolver(address);
    std::lock_guard lock(mailbox->mutex);
    HostLookup* const owner = mailbox->owner;
    if (owner == nullptr) return;
    boost::asio::post(owner->loop_, [owner, question, found = std::move(found)]() mutable {
      owner->Deliver(question, std::move(found));
    });
  }).detach();
}

void HostLookup::Deliver(uint64_t question, HostEndpoints found) {
  auto waiting = answers_.extract(question);
  if (!waiting.empty()) waiting.mapped()(std::move(found));
}

}  // namespace lockkeeper
