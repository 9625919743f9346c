#include "memory.hpp"

#include <algorithm>
#include <cstring>

namespace tow::schedule {
namespace {

bool acquires(std::memory_order order) {
  return order == std::memory_order_acquire || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

bool releases(std::memory_order order) {
  return order == std::memory_order_release || order == std::memory_order_acq_rel ||
         order == std::memory_order_seq_cst;
}

constexpr auto kSequential = std::memory_order_seq_cst;

}  // namespace

std::uint64_t read_raw(const void* at, std::size_t bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, at, bytes);
  return value;
}

void write_raw(void* at, std::uint64_t value, std::size_t bytes) { std::memcpy(at, &value, bytes); }

void Memory::set_up(Mode mode, std::size_t actors, std::vector<Word> words) {
  mode_ = mode;
  actors_ = actors;
  words_ = std::move(words);
  columns_ = (words_.size() + kMaxActors + 15) / 16 * 16;
  histories_.assign(words_.size(), {});
  accesses_.assign(words_.size(), {});
  touched_.clear();
}

void Memory::begin() {
  for (const std::size_t word : touched_) {
    histories_[word].clear();
    accesses_[word] = {};
  }
  touched_.clear();
  for (auto& buffer : buffers_) buffer.clear();
  contents_ = 0;
  raced_ = false;
  views_.assign(mode_ == Mode::stale ? fixed_rows() * columns_ : 0, 0);
  if (mode_ != Mode::stale) return;
  for (std::size_t i = 0; i < actors_; ++i) clock(current(i), i) = 1;
}

std::vector<Memory::Message>& Memory::history(std::size_t word) {
  auto& messages = histories_[word];
  if (messages.empty()) {  // what was there before: it carries what everybody knows
    messages.push_back({read_raw(words_[word].at, words_[word].bytes), kNone, 0});
    touched_.push_back(word);
  }
  return messages;
}

void Memory::set(std::size_t word, std::uint64_t value) {
  const Word& known = words_[word];
  contents_ ^= mix(word, read_raw(known.at, known.bytes)) ^ mix(word, value);
  write_raw(known.at, value, known.bytes);
}

void Memory::join(std::size_t view, std::size_t other, bool with_clocks) {
  Index* const into = row(view);
  const Index* const from = row(other);
  const std::size_t count = with_clocks ? columns_ : words_.size();
  for (std::size_t i = 0; i < count; ++i) into[i] = std::max(into[i], from[i]);
}

std::size_t Memory::choices(std::size_t actor, std::size_t word, std::memory_order order,
                            const std::uint64_t* unless, std::array<std::uint8_t, 8>& back,
                            std::size_t most) {
  back[0] = 0;
  if (mode_ != Mode::stale || most == 0) return 1;
  const auto& messages = history(word);
  std::size_t lowest = row(current(actor))[word];
  if (order == kSequential) {
    lowest = std::max<std::size_t>({lowest, row(fences())[word], row(sequentials())[word]});
  }
  std::size_t count = 1;
  for (std::size_t i = 1; messages.size() > i + lowest && count < back.size(); ++i) {
    if (unless != nullptr && messages[messages.size() - 1 - i].value == *unless) continue;
    back[count++] = static_cast<std::uint8_t>(i);
  }
  return count;
}

/// The actor has seen the `index`-th store.
void Memory::take(std::size_t actor, std::size_t word, std::size_t index, std::memory_order order) {
  const std::size_t view = histories_[word][index].view;
  if (view != kNone) join(acquires(order) ? current(actor) : acquired(actor), view);
  Index& known = row(current(actor))[word];
  known = std::max(known, static_cast<Index>(index));
  if (order == kSequential) {
    Index& seen = row(sequentials())[word];
    seen = std::max(seen, static_cast<Index>(index));
  }
}

std::uint64_t Memory::load(std::size_t actor, std::size_t word, std::size_t back,
                           std::memory_order order) {
  if (mode_ == Mode::buffered) {
    const auto& buffer = buffers_[actor];
    const auto own = std::find_if(buffer.rbegin(), buffer.rend(),
                                  [&](const Kept& kept) { return kept.word == word; });
    if (own != buffer.rend()) return own->value;  // the youngest counts
  }
  if (mode_ != Mode::stale) return read_raw(words_[word].at, words_[word].bytes);
  const auto& messages = history(word);
  const std::size_t index = messages.size() - 1 - back;
  take(actor, word, index, order);
  if ((words_[word].guards >> actor & 1) != 0) {
    accesses_[word].loads[actor] = clock(current(actor), actor);
  }
  return messages[index].value;
}

std::uint64_t Memory::hash_row(std::size_t view) const {
  std::uint64_t bits = view < fixed_rows() ? view : 0;
  const Index* const known = row(view);
  for (std::size_t i = 0; i < columns_; i += 4) {
    std::uint64_t four;
    std::memcpy(&four, known + i, sizeof four);
    if (four != 0) bits = mix(bits + i, four);
  }
  return bits;
}

/// A new view: what a store of this order carries.
std::size_t Memory::carry(std::size_t actor, std::size_t word, std::memory_order order) {
  const std::size_t view = views_.size() / columns_;
  views_.resize(views_.size() + columns_);
  const Index* const from = row(releases(order) ? current(actor) : released(actor));
  std::copy_n(from, columns_, row(view));
  row(view)[word] = row(current(actor))[word];
  if (releases(order)) ++clock(current(actor), actor);  // what comes now, it does not carry
  return view;
}

bool Memory::all_before(std::size_t actor, const std::array<Index, kMaxActors>& clocks) {
  for (std::size_t other = 0; other < actors_; ++other) {
    if (other != actor && clocks[other] > clock(current(actor), other)) return false;
  }
  return true;
}

void Memory::append(std::size_t actor, std::size_t word, std::uint64_t value,
                    std::memory_order order, std::size_t continued) {
  auto& messages = history(word);
  raced_ = raced_ || !all_before(actor, accesses_[word].loads);
  const auto index = static_cast<Index>(messages.size());
  row(current(actor))[word] = index;
  const std::size_t view = carry(actor, word, order);
  if (continued != kNone) join(view, continued);
  if (order == kSequential) row(sequentials())[word] = index;
  messages.push_back({value, view, hash_row(view)});
}

void Memory::store(std::size_t actor, std::size_t word, std::uint64_t value,
                   std::memory_order order) {
  if (mode_ == Mode::buffered) {
    buffers_[actor].push_back({word, value});
    if (order == kSequential) flush(actor);
    return;
  }
  if (mode_ == Mode::stale) append(actor, word, value, order, kNone);
  set(word, value);
}

void Memory::replace(std::size_t actor, std::size_t word, std::uint64_t value,
                     std::memory_order order) {
  if (mode_ == Mode::stale) {
    // It carries on what the store it replaces has released.
    append(actor, word, value, order, history(word).back().view);
  }
  set(word, value);
}

void Memory::fence(std::size_t actor, std::memory_order order) {
  if (mode_ == Mode::buffered && order == kSequential) flush(actor);
  if (mode_ != Mode::stale) return;
  if (acquires(order)) join(current(actor), acquired(actor));
  if (order == kSequential) {
    // Between two of these everything is ordered, but nothing synchronizes: no clocks.
    join(current(actor), fences(), false);
    join(current(actor), sequentials(), false);
    join(fences(), current(actor), false);
  }
  if (releases(order)) {
    std::copy_n(row(current(actor)), columns_, row(released(actor)));
    ++clock(current(actor), actor);
  }
}

void Memory::barrier(std::size_t actor, bool ordered) {
  fence(actor, kSequential);
  for (std::size_t other = 0; other < actors_; ++other) {
    if (other == actor) continue;
    if (ordered || mode_ != Mode::stale) {
      fence(other, kSequential);
    } else {
      join(fences(), current(other), false);
    }
  }
  fence(actor, kSequential);
}

std::uint64_t Memory::plain_load(std::size_t actor, std::size_t word) {
  const std::uint64_t value = load(actor, word, 0, std::memory_order_relaxed);
  if (mode_ == Mode::stale) {
    raced_ = raced_ || !all_before(actor, accesses_[word].stores);
    accesses_[word].loads[actor] = clock(current(actor), actor);
  }
  return value;
}

void Memory::plain_store(std::size_t actor, std::size_t word, std::uint64_t value) {
  if (mode_ == Mode::stale) {
    raced_ = raced_ || !all_before(actor, accesses_[word].stores);
    accesses_[word].stores[actor] = clock(current(actor), actor);
  }
  store(actor, word, value, std::memory_order_relaxed);
}

std::size_t Memory::kept(std::size_t actor, std::size_t word) const {
  const auto& buffer = buffers_[actor];
  return static_cast<std::size_t>(std::count_if(
      buffer.begin(), buffer.end(), [&](const Kept& entry) { return entry.word == word; }));
}

void Memory::flush(std::size_t actor, std::size_t word, std::size_t count) {
  auto& buffer = buffers_[actor];
  auto end = buffer.begin();
  for (; count != 0; ++end) {
    set(end->word, end->value);
    if (end->word == word) --count;
  }
  buffer.erase(buffer.begin(), end);
}

void Memory::flush(std::size_t actor) {
  for (const Kept& kept : buffers_[actor]) set(kept.word, kept.value);
  buffers_[actor].clear();
}

void Memory::unlock(std::size_t actor, std::size_t lock) {
  flush(actor);  // the kernel's own locks are taken with locked instructions
  if (mode_ == Mode::stale && lock < kLocks) join(of_lock(lock), current(actor));
}

void Memory::found_free(std::size_t actor, std::size_t lock) {
  if (mode_ == Mode::stale && lock < kLocks) join(current(actor), of_lock(lock));
}

std::uint64_t Memory::hash(unsigned living) const {
  std::uint64_t bits = contents_;
  for (std::size_t actor = 0; actor < actors_; ++actor) {
    for (const Kept& kept : buffers_[actor]) bits = mix(mix(bits, kept.word), kept.value);
    bits = mix(bits, actor);
  }
  return mode_ == Mode::stale ? mix(bits, hash_views(living)) : bits;
}

std::uint64_t Memory::hash_views(unsigned living) const {
  std::uint64_t bits = 0;
  for (const std::size_t word : touched_) {
    std::size_t oldest = histories_[word].size() - 1;  // what somebody may still read
    for (std::size_t actor = 0; actor < actors_; ++actor) {
      if ((living >> actor & 1) != 0) oldest = std::min<std::size_t>(oldest, row(actor)[word]);
    }
    std::uint64_t own = mix(word, oldest);
    for (std::size_t i = oldest; i < histories_[word].size(); ++i) {
      own = mix(mix(own, histories_[word][i].value), histories_[word][i].hash);
    }
    for (std::size_t actor = 0; actor < actors_; ++actor) {
      const Accesses& last = accesses_[word];
      own = mix(own, std::uint64_t{last.loads[actor]} << 16 | last.stores[actor]);
    }
    bits ^= own;  // whatever the order in which they were touched
  }
  for (std::size_t view = 0; view < fixed_rows(); ++view) {
    if (view < fences() && (living >> view % actors_ & 1) == 0) continue;
    bits = mix(bits, hash_row(view));
  }
  return bits;
}

}  // namespace tow::schedule
