// One client socket: reads what there is, offers it to the session, sends what the session has
// written. All replies of one turn leave in one system call.
#ifndef LOCKKEEPER_SERVER_NET_CONNECTION_H_
#define LOCKKEEPER_SERVER_NET_CONNECTION_H_

#include <memory>
#include <string>

#include "server/net/client_socket.h"
#include "server/net/remote_address.h"
#include "server/net/server_context.h"
#include "server/net/socket_events.h"
#include "server/session/client_session.h"

namespace lockkeeper {

class IoThread;

// Threads: owned by its I/O thread. Idle connections hold no buffers.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // Takes over `socket`.
  Connection(IoThread* io, const ServerContext& context, int socket, RemoteAddress address,
             ConnectionRef self);

  void Start(SocketEvents* events);
  void OnEvent(const SocketEvent& event);
  // Of IoThread::ReadLater: goes on with what could be read before.
  void OnReadLater();
  // Runs parked reads and takes input that was held back. Needs the gate or enters it.
  void Run();
  // Sends, then reads on or closes as the session wants.
  void Settle();
  void Close();
  // Appends the answer of a four-letter word; the connection ends with it.
  void FinishWith(std::string_view text);

  uint64_t id() const { return self_.id; }
  ClientSession& session() { return session_; }
  const ClientSession& session() const { return session_; }
  const RemoteAddress& address() const { return address_; }
  // Bits of java.nio: 1 reading, 4 writing.
  int interest_ops() const { return (waiting_to_read_ ? 1 : 0) | (waiting_to_write_ ? 4 : 0); }
  MonoMs last_io() const { return last_io_; }
  WallMs established() const { return established_; }
  bool dirty() const { return dirty_; }
  void set_dirty(bool dirty) { dirty_ = dirty; }

 private:
  void ReadIfAsked();
  void Read();
  void TakeInput(std::string_view bytes);
  // False: the socket is broken.
  bool SendNow();

  IoThread& io_;
  const ServerContext& context_;
  ClientSocket socket_;
  const ConnectionRef self_;
  const RemoteAddress address_;
  std::string in_;   // part of a frame, or what the session would not take yet
  std::string out_;  // written by the session
  size_t sent_ = 0;  // of out_
  ClientSession session_;
  bool held_back_ = false;    // in_ may hold whole frames that the session would not take
  bool readable_ = false;     // something may be there that was not read
  bool ended_ = false;        // as SocketEvent says
  bool reads_later_ = false;  // IoThread::ReadLater was called and has not come back
  bool waiting_to_read_ = false;
  bool waiting_to_write_ = false;
  bool dirty_ = false;
  bool closed_ = false;
  MonoMs last_io_;
  WallMs established_;
};

}  // namespace lockkeeper

#endif  // LOCKKEEPER_SERVER_NET_CONNECTION_H_
