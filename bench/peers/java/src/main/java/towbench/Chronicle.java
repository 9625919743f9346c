package towbench;

import net.openhft.chronicle.bytes.Bytes;
import net.openhft.chronicle.queue.ChronicleQueue;
import net.openhft.chronicle.queue.ExcerptAppender;
import net.openhft.chronicle.queue.ExcerptTailer;
import net.openhft.chronicle.queue.impl.single.SingleChronicleQueueBuilder;
import net.openhft.chronicle.wire.DocumentContext;

/**
 * One queue of a process, called from C++: one thread, memory by its address. Messages are raw
 * bytes. {@code append} and {@code take} copy; the others write and read in the queue's own memory.
 */
public final class Chronicle {
    /** Room for the longest message, four times over. */
    private static final long BLOCK_BYTES = 64L << 20;

    private static ChronicleQueue queue;
    private static ExcerptAppender appender;
    private static ExcerptTailer tailer;
    private static DocumentContext written;
    private static DocumentContext read;

    private Chronicle() {
    }

    /** Opens the queue of a directory, or makes it; its first message is the next to be taken. */
    public static void open(String directory) {
        queue = SingleChronicleQueueBuilder.binary(directory).blockSize(BLOCK_BYTES).build();
        appender = queue.createAppender();
        tailer = queue.createTailer();
    }

    public static void close() {
        tailer.close();
        appender.close();
        queue.close();
    }

    /** Appends a copy of so many bytes at an address. */
    public static void append(long address, int bytes) {
        try (DocumentContext document = appender.writingDocument()) {
            document.wire().bytes().unsafeWrite(address, bytes);
        }
    }

    /** Copies the next message of so many bytes to an address, if there is one. */
    public static boolean take(long address, int bytes) {
        try (DocumentContext document = tailer.readingDocument()) {
            if (!document.isPresent()) {
                return false;
            }
            document.wire().bytes().unsafeRead(address, bytes);
            return true;
        }
    }

    /** Begins a message of so many bytes and says where it is to be written. */
    public static long beginWriting(int bytes) {
        written = appender.writingDocument();
        Bytes<?> place = written.wire().bytes();
        long address = place.addressForWrite(place.writePosition());
        place.writeSkip(bytes);
        return address;
    }

    public static void endWriting() {
        written.close();
    }

    /** Where the next message lies until {@code endReading}; 0 when there is none. */
    public static long beginReading(int bytes) {
        read = tailer.readingDocument();
        if (!read.isPresent()) {
            read.close();
            return 0;
        }
        Bytes<?> place = read.wire().bytes();
        if (place.readRemaining() != bytes) {
            throw new IllegalStateException("a message of " + place.readRemaining() + " bytes");
        }
        return place.addressForRead(place.readPosition());
    }

    public static void endReading() {
        read.close();
    }
}
