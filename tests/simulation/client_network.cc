#include "tests/simulation/client_network.h"

namespace lockkeeper::simulation {

uint64_t ClientNetwork::Connect(LinkClient* client, LinkServer* server) {
  const uint64_t link = next_link_++;
  Link& made = links_[link];
  made.client = client;
  made.server = server;
  Later(link, &made.last_to_server, [this, link](Link& l) {
    l.accepted = l.server->AcceptLink(link);
    if (!l.accepted) CloseByServer(link);
  });
  return link;
}

void ClientNetwork::ToServer(uint64_t link, std::string bytes) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  Later(link, &found->second.last_to_server, [link, bytes = std::move(bytes)](Link& l) {
    if (l.accepted) l.server->LinkInput(link, bytes);
  });
}

void ClientNetwork::ToClient(uint64_t link, std::string bytes, const Standing& from) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  Later(link, &found->second.last_to_client, [link, from, bytes = std::move(bytes)](Link& l) {
    if (l.client != nullptr) l.client->LinkBytes(link, bytes, from);
  });
}

void ClientNetwork::CloseByServer(uint64_t link) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  found->second.accepted = false;
  Later(link, &found->second.last_to_client, [this, link](Link& l) {
    LinkClient* client = l.client;
    links_.erase(link);
    if (client != nullptr) client->LinkClosed(link);
  });
}

void ClientNetwork::LeaveByClient(uint64_t link, bool silently) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  Link& leaving = found->second;
  leaving.client = nullptr;
  if (silently) leaving.last_to_server = std::max(leaving.last_to_server, events_.now()) + 5'000;
  Later(link, &leaving.last_to_server, [this, link](Link& l) {
    const Link copy = l;
    links_.erase(link);
    if (copy.accepted) copy.server->LinkGone(link);
  });
}

void ClientNetwork::Stall(uint64_t link, int64_t ms) {
  const auto found = links_.find(link);
  if (found == links_.end()) return;
  for (int64_t* last : {&found->second.last_to_server, &found->second.last_to_client}) {
    *last = std::max(*last, events_.now()) + ms;
  }
}

}  // namespace lockkeeper::simulation
