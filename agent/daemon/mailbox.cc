#include "agent/daemon/mailbox.h"

namespace agent::daemon {

Mailbox::Mailbox() : begin_(std::chrono::steady_clock::now()) {}

void Mailbox::post(Mail mail) {
  {
    const std::lock_guard lock(mutex_);
    mails_.push_back(std::move(mail));
  }
  arrived_.notify_one();
}

std::deque<Mail> Mailbox::take(Duration at_most) {
  std::unique_lock lock(mutex_);
  arrived_.wait_for(lock, at_most, [this] { return !mails_.empty(); });
  return std::exchange(mails_, {});
}

Duration Mailbox::running() const {
  return std::chrono::duration_cast<Duration>(std::chrono::steady_clock::now() - begin_);
}

}  // namespace agent::daemon
