#include "server/peer/election_port.h"

#include <glog/logging.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "protocol/jute.h"

namespace lockkeeper {
namespace {

using boost::asio::ip::tcp;
using std::chrono::milliseconds;

// A connection that only asked the larger server to connect back is closed within this.
constexpr milliseconds kCallBackMs{1000};

std::vector<HostPort> ElectionAddresses(const Member& member) {
  std::vector<HostPort> addresses;
  for (const PeerAddress& address : member.addresses) {
    addresses.push_back({address.host, address.election_port});
  }
  return addresses;
}

// What we say of ourselves at the start of each connection that we make.
std::string OwnHandshake(const PeerNetworkOptions& options) {
  ElectionHandshake handshake{.sid = options.self, .addresses = {}};
  for (const HostPort& address : ElectionAddresses(options.membership.members.at(options.self))) {
    handshake.addresses.push_back(ToText(address));
    if (!options.multi_address) break;
  }
  return EncodeHandshake(handshake, options.multi_address);
}

}  // namespace

ElectionPort::ElectionPort(const PeerContext& context)
    : context_(context), handshake_(OwnHandshake(context.options)) {
  const auto own = ElectionAddresses(context.options.membership.members.at(context.options.self));
  for (HostPort& address : ListenAddresses(own, context.options.listen_on_all_ips)) {
    auto port = std::make_unique<Port>(context.loop, std::move(address));
    port->listener = std::make_shared<PortListener>(
        context.loop, [this](tcp::socket socket) { OnAccepted(std::move(socket)); },
        [this, p = port.get()](const Error& error) { OnOpenFailed(*p, error); });
    ports_.push_back(std::move(port));
  }
}

Status ElectionPort::TryOpen() {
  bool any = false;
  std::string failures;
  for (const auto& port : ports_) {
    if (!port->listener->open()) {
      const HostEndpoints found = LookUpNow(port->address);
      const Status opened = found ? port->listener->Open(*found) : Status(found.error());
      if (!opened) failures += (failures.empty() ? "" : "; ") + opened.error().message;
    }
    any = any || port->listener->open();
  }
  if (any) return {};
  return Error{Errc::kElectionPort, "the election port cannot be opened: " + failures};
}

void ElectionPort::KeepTrying() {
  for (const auto& port : ports_) {
    if (port->listener->open()) continue;
    OnOpenFailed(*port, Error{Errc::kIo, "it could not be opened at the start"});
  }
}

void ElectionPort::OnOpenFailed(Port& port, const Error& error) {
  const int retries = context_.options.election_bind_retries;
  LOG(WARNING) << "the election port " << ToText(port.address) << " is not open: " << error.message;
  if (retries == 0 || ++port.failures <= retries) {
    port.retry.expires_after(milliseconds(context_.options.election_bind_delay_ms));
    port.retry.async_wait([this, &port](const boost::system::error_code& ec) {
      if (!ec) Reopen(port);
    });
    return;
  }
  LOG(ERROR) << "no further attempt to open the election port " << ToText(port.address);
  port.given_up = true;
  const bool all = std::all_of(ports_.begin(), ports_.end(),
                               [](const auto& candidate) { return candidate->given_up; });
  if (!all) return;
  context_.outlet.Add(PortFailed{{Errc::kElectionPort, error.message}, /*election=*/true});
}

void ElectionPort::Reopen(Port& port) {
  context_.lookup.Find(port.address, [this, &port](const HostEndpoints& found) {
    const Status opened = found ? port.listener->Open(*found) : Status(found.error());
    if (!opened) return OnOpenFailed(port, opened.error());
    LOG(INFO) << "the election port " << ToText(port.address) << " is open";
    port.failures = 0;
  });
}

void ElectionPort::Close() {
  for (const auto& port : ports_) {
    port->listener->Close();
    port->retry.cancel();
  }
  for (auto& [id, peer] : peers_) {
    if (peer.connection) peer.connection->Close();
    if (peer.dialer) peer.dialer->Cancel();
  }
  peers_.clear();
  for (const auto& stranger : strangers_) stranger->Close();
  strangers_.clear();
}

// ---- Sending.

void ElectionPort::Notify(PeerId to, const Notification& notification) {
  if (to == context_.options.self) return OnNotification(to, notification);
  if (!IsMember(to) && !peers_.contains(to)) {
    VLOG(1) << "no notification to server " << to << ": it is neither a member nor connected";
    return;
  }
  const std::string message = EncodeNotification(notification);
  std::string frame;
  JuteWriter(&frame).Write(std::string_view(message));
  Peer& peer = peers_[to];
  peer.waiting = std::move(frame);
  if (peer.connection) {
    SendWaiting(peer);
  } else {
    Dial(to, {});
  }
}

void ElectionPort::SendWaiting(Peer& peer) {
  if (!peer.connection || !peer.waiting) return;
  PeerSocket& socket = peer.connection->socket();
  if (!socket.out()->empty()) return;  // OnRoomToSend follows
  peer.last_sent = std::exchange(peer.waiting, std::nullopt);
  socket.out()->AddBytes(*peer.last_sent);
  socket.Flush();
}

void ElectionPort::OnRoomToSend(PeerId to) {
  const auto found = peers_.find(to);
  if (found != peers_.end()) SendWaiting(found->second);
}

// ---- Connections that we make.

bool ElectionPort::IsMember(PeerId peer) const {
  return context_.options.membership.members.contains(peer);
}

std::vector<HostPort> ElectionPort::AddressesOf(PeerId peer,
                                                const std::vector<std::string>& announced) const {
  std::vector<HostPort> addresses;
  const auto add = [&](const HostPort& address) {
    if (IsWildcard(address.host)) return;  // would lead to ourselves
    if (std::find(addresses.begin(), addresses.end(), address) == addresses.end()) {
      addresses.push_back(address);
    }
  };
  for (const std::string& text : announced) {
    if (const auto address = ParseHostPort(text)) add(*address);
  }
  const auto member = context_.options.membership.members.find(peer);
  if (member != context_.options.membership.members.end()) {
    for (const HostPort& address : ElectionAddresses(member->second)) add(address);
  }
  return addresses;
}

void ElectionPort::Dial(PeerId id, const std::vector<std::string>& announced) {
  Peer& peer = peers_[id];
  if (peer.dialer) return;
  peer.dialer = std::make_shared<Dialer>(context_.loop, context_.lookup, AddressesOf(id, announced),
                                         milliseconds(context_.options.connect_timeout_ms));
  peer.dialer->Start([this, id](Result<tcp::socket> outcome) { OnDialed(id, std::move(outcome)); });
}

void ElectionPort::OnDialed(PeerId id, Result<tcp::socket> outcome) {
  Peer& peer = peers_[id];
  peer.dialer = nullptr;
  if (!outcome) {
    if (peer.last_failure != outcome.error().message) {
      peer.last_failure = outcome.error().message;
      LOG(WARNING) << "cannot connect to the election port of server " << id << ": "
                   << peer.last_failure;
    }
    return ForgetStranger(id);
  }
  peer.last_failure.clear();
  if (id > context_.options.self) {
    // The larger server makes the connection: this one only tells it that we are here.
    const auto socket =
        std::make_shared<PeerSocket>(std::move(*outcome), &context_.read_buffer, nullptr);
    socket->Start(context_.options.tcp_keep_alive);
    Greet(*socket);
    socket->FlushAndClose(kCallBackMs);
    return ForgetStranger(id);
  }
  const auto connection =
      std::make_shared<ElectionConnection>(std::move(*outcome), &context_.read_buffer, this);
  connection->Start(context_.options.tcp_keep_alive);
  Greet(connection->socket());
  Adopt(id, connection);
}

// In one write: Java refuses a handshake that comes in pieces.
void ElectionPort::Greet(PeerSocket& socket) const {
  socket.out()->AddBytes(handshake_);
  socket.Flush();
}

void ElectionPort::Adopt(PeerId id, const std::shared_ptr<ElectionConnection>& connection) {
  Peer& peer = peers_[id];
  if (peer.connection) peer.connection->Close();
  peer.connection = connection;
  connection->Adopt(id);
  VLOG(1) << "connected with server " << id << " at " << connection->socket().remote();
  if (!peer.waiting) peer.waiting = peer.last_sent;
  SendWaiting(peer);
}

// ---- Connections that others make.

void ElectionPort::OnAccepted(tcp::socket socket) {
  const auto connection =
      std::make_shared<ElectionConnection>(std::move(socket), &context_.read_buffer, this);
  strangers_.insert(connection);
  connection->AwaitHandshake(milliseconds(context_.options.handshake_timeout_ms));
  connection->Start(context_.options.tcp_keep_alive);
}

void ElectionPort::OnHandshake(const std::shared_ptr<ElectionConnection>& connection,
                               const ElectionHandshake& handshake) {
  const PeerId self = context_.options.self;
  const PeerId sid = handshake.sid;
  strangers_.erase(connection);
  if (sid == kAnonymousObserver) return Adopt(PeerId{--last_anonymous_}, connection);
  if (sid == self) {
    LOG(ERROR) << "another server, at " << connection->socket().remote() << ", has our id " << self
               << " too: its connection is closed. Check the files myid.";
    return connection->Close();
  }
  Peer& peer = peers_[sid];
  if (sid < self) {  // asks us to connect
    connection->Close();
    if (auto old = std::exchange(peer.connection, nullptr)) old->Close();
    return Dial(sid, handshake.addresses);
  }
  // What we wanted to ask for has happened.
  if (auto dialer = std::exchange(peer.dialer, nullptr)) dialer->Cancel();
  Adopt(sid, connection);
}

void ElectionPort::OnNotification(PeerId from, Notification notification) {
  context_.outlet.Add(NotificationCame{from, std::move(notification)});
}

void ElectionPort::OnClosed(const std::shared_ptr<ElectionConnection>& connection,
                            const std::string& why) {
  if (!connection->peer()) {
    strangers_.erase(connection);
    LOG(WARNING) << "an election connection from " << connection->socket().remote()
                 << " is closed before its handshake: " << why;
    return;
  }
  const PeerId id = *connection->peer();
  LOG(INFO) << "the election connection with server " << id << " has ended: " << why;
  Peer& peer = peers_[id];
  if (peer.connection == connection) peer.connection = nullptr;
  ForgetStranger(id);
}

// Only members' last messages are kept while they are away.
void ElectionPort::ForgetStranger(PeerId id) {
  const auto found = peers_.find(id);
  if (found == peers_.end() || IsMember(id)) return;
  if (!found->second.connection && !found->second.dialer) peers_.erase(found);
}

}  // namespace lockkeeper
