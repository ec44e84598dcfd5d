import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Base64;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Scanner;
import java.util.TimeZone;
import javax.naming.NamingException;
import javax.naming.spi.NamingManager;
import org.apache.logging.log4j.Level;
import org.apache.logging.log4j.core.LogEvent;
import org.apache.logging.log4j.core.impl.Log4jLogEvent;
import org.apache.logging.log4j.core.lookup.Interpolator;
import org.apache.logging.log4j.core.lookup.MapLookup;
import org.apache.logging.log4j.core.lookup.StrLookup;
import org.apache.logging.log4j.core.lookup.StrSubstitutor;
import org.apache.logging.log4j.message.SimpleMessage;

/**
 * Says which JNDI lookups Log4j itself would perform for a message. Reads messages, one a line, in base64; writes for each a line:
 * the names that it was about to look up, in order, each in base64 after "jndi:", and "!" where it ended in an exception.
 *
 * Nothing is looked up: the lookup is replaced by one that writes down what it is asked for, and should anything reach JNDI all the
 * same, it finds no context. Values of this machine (its properties, its Java, the time) are written as "${sys:os.name}".
 */
public final class Oracle {
    private static final List<String> fired = new ArrayList<>();
    private static final List<String> secrets = new ArrayList<>();

    public static void main(final String[] args) throws Exception {
        NamingManager.setInitialContextFactoryBuilder(environment -> {
            throw new NamingException("there is no JNDI here");
        });
        final Map<String, String> properties = new HashMap<>();
        final Interpolator interpolator = new Interpolator(new MapLookup(properties) {
            @Override
            public String lookup(final LogEvent event, final String key) {
                return Arrays.asList("hostName", "contextName").contains(key) ? secret(key) : super.lookup(event, key);
            }
        }, null);
        final Map<String, StrLookup> lookups = interpolator.getStrLookupMap();
        for (final String prefix : Arrays.asList("sys", "java", "event")) {
            lookups.put(prefix, new Secret(prefix, lookups.get(prefix)));
        }
        lookups.put("date", new Time(lookups.get("date")));
        lookups.put("jndi", new Recorder());
        final StrSubstitutor substitutor = new StrSubstitutor(interpolator);
        final Scanner in = new Scanner(System.in, "US-ASCII");
        while (in.hasNextLine()) {
            System.out.println(evaluate(substitutor, new String(Base64.getDecoder().decode(in.nextLine()), StandardCharsets.UTF_8)));
        }
    }

    private static String evaluate(final StrSubstitutor substitutor, final String message) {
        fired.clear();
        secrets.clear();
        String end = "";
        try {
            substitutor.replace(event(message, 1656633600000L), message);
        } catch (final RuntimeException | StackOverflowError e) {
            end = "!";
        }
        final StringBuilder line = new StringBuilder();
        for (final String name : fired) {
            final byte[] shown = ("jndi:" + show(name)).getBytes(StandardCharsets.UTF_8);
            line.append(Base64.getEncoder().encodeToString(shown)).append(' ');
        }
        return line.append(end).toString().trim();
    }

    static LogEvent event(final String message, final long time) {
        return Log4jLogEvent.newBuilder().setLoggerName("oracle").setLevel(Level.INFO).setThreadName("main")
            .setMessage(new SimpleMessage(message)).setTimeMillis(time).build();
    }

    /** A value that does not tell what it is, and that no substitution changes. */
    static String secret(final String name) {
        secrets.add(name);
        return "\uE000" + (secrets.size() - 1) + "\uE001";
    }

    private static String show(final String name) {
        String shown = name;
        for (int i = secrets.size() - 1; i >= 0; i--) {
            shown = shown.replace("\uE000" + i + "\uE001", "${" + secrets.get(i) + "}");
        }
        return shown;
    }

    /** Writes down what it is asked for, and knows nothing. */
    private static final class Recorder implements StrLookup {
        @Override
        public String lookup(final String key) {
            return lookup(null, key);
        }

        @Override
        public String lookup(final LogEvent event, final String key) {
            fired.add(key);
            return null;
        }
    }

    /** Hides the values of another, but for those that every Unix shares. The message is not hidden: it is the sender's. */
    private static final class Secret implements StrLookup {
        private final String prefix;
        private final StrLookup real;

        Secret(final String prefix, final StrLookup real) {
            this.prefix = prefix;
            this.real = real;
        }

        @Override
        public String lookup(final String key) {
            return lookup(null, key);
        }

        @Override
        public String lookup(final LogEvent event, final String key) {
            final String value = real.lookup(event, key);
            if (value == null || key.endsWith(".separator") || key.equals("Message")) {
                return value;
            }
            return secret(prefix + ":" + key);
        }
    }

    /** Hides what depends on the time, the place or the language. */
    private static final class Time implements StrLookup {
        private final StrLookup real;

        Time(final StrLookup real) {
            this.real = real;
        }

        @Override
        public String lookup(final String key) {
            return lookup(event("", 0), key);
        }

        @Override
        public String lookup(final LogEvent event, final String key) {
            final String value = at(event, key, "UTC", Locale.US);
            final String other = at(Oracle.event("", -70000000000123L), key, "Asia/Tokyo", Locale.FRANCE);
            return value.equals(other) ? value : secret("date:" + key);
        }

        private String at(final LogEvent event, final String key, final String zone, final Locale locale) {
            TimeZone.setDefault(TimeZone.getTimeZone(zone));
            Locale.setDefault(locale);
            final String value = real.lookup(event, key);
            Locale.setDefault(Locale.US);
            return value;
        }
    }
}
