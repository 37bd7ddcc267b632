// The agent's two channels over HTTPS (fleet/api/API.md): messages and elements, each on a thread and a connection of
// its own, so that a large element never holds up a message.
#pragma once

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "agent/daemon/mailbox.h"
#include "agent/daemon/ports.h"
#include "agent/link/http.h"

namespace agent::daemon {

struct ChannelSettings {
  std::string controller;  // URL
  std::string authority_pem;
  std::string private_key_pem;  // ours; never logged
  MachineId machine;
  Duration timeout{30'000};
};

// Work done one after the other on one thread, each with the channel's connection.
class Channel {
 public:
  using Work = std::function<void(link::HttpExchange&)>;
  // `failed` is called instead of the work when there is no connection to be had.
  using Failed = std::function<void(const Error&)>;
  Channel(ChannelSettings settings, const Clock& clock);
  ~Channel();  // what is under way ends first
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;

  void present(const std::string& certificate_pem);
  void begin(Work work, Failed failed);

 private:
  void run();
  Result<link::HttpExchange*> connection();

  ChannelSettings settings_;
  const Clock& clock_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<Work, Failed>> waiting_;
  std::string certificate_pem_;
  bool certificate_changed_ = true;
  Instant presented_until_ = Instant::max();  // when the connection's certificate expires; only the thread's
  bool closing_ = false;
  std::unique_ptr<link::HttpExchange> exchange_;
  std::thread thread_;
};

class HttpsChannels final : public Exchange, public ElementTransfer {
 public:
  // `mailbox` and `clock` must outlive it.
  HttpsChannels(const ChannelSettings& settings, const Clock& clock, Mailbox& mailbox);

  void begin_nonce() override;
  void begin_enrolment(const std::string& dsse) override;
  void begin_frame(const std::string& encoded) override;
  void begin_receipt(const std::string& dsse) override;
  void begin_slot_key() override;
  void present(const std::string& certificate_pem) override;
  void begin_get(std::uint64_t transfer, const Digest& digest, Bytes size_max, const std::string& ticket) override;
  void begin_put(std::uint64_t transfer, const Digest& digest, std::string bytes, const std::string& ticket) override;

 private:
  void ask(link::HttpRequest request, std::function<Event(Result<std::string>)> event);
  void move(link::HttpRequest request, std::function<Event(Result<std::string>)> event);

  MachineId machine_;
  Mailbox& mailbox_;
  Channel messages_;
  Channel elements_;
};

}  // namespace agent::daemon
