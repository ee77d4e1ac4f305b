#include "journal/round.h"

namespace evergate::journal {

void change_set::add(flow::consumer_change change) {
  for (auto& consumer : change.consumers) {
    auto name = consumer.name;
    consumers.insert_or_assign(std::move(name), std::move(consumer));
  }
  for (auto& session : change.sessions) {
    auto id = session.id;
    sessions_removed.erase(id);
    sessions.insert_or_assign(std::move(id), std::move(session));
  }
  for (auto& id : change.sessions_removed) {
    sessions.erase(id);
    sessions_removed.insert(std::move(id));
  }
  for (auto& gap : change.gaps) gaps.push_back(std::move(gap));
  for (auto& letter : change.dead_letters) {
    flow::dead_letter_key key{letter->consumer, letter->at};
    dead_letters_removed.erase(key);
    dead_letters.insert_or_assign(std::move(key), std::move(letter));
  }
  for (auto& key : change.dead_letters_removed) {
    dead_letters.erase(key);
    dead_letters_removed.insert(std::move(key));
  }
  if (change.done) done.push_back(std::move(change.done));
}

}  // namespace evergate::journal
