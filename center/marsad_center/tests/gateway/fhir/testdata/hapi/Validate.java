import ca.uhn.fhir.context.FhirContext;
import ca.uhn.fhir.context.support.DefaultProfileValidationSupport;
import ca.uhn.fhir.validation.FhirValidator;
import ca.uhn.fhir.validation.SingleValidationMessage;
import java.nio.file.Files;
import java.nio.file.Path;
import org.hl7.fhir.common.hapi.validation.support.CommonCodeSystemsTerminologyService;
import org.hl7.fhir.common.hapi.validation.support.InMemoryTerminologyServerValidationSupport;
import org.hl7.fhir.common.hapi.validation.support.ValidationSupportChain;
import org.hl7.fhir.common.hapi.validation.validator.FhirInstanceValidator;

/** Prints one line for each message of the validator on each file: name, severity, place, text; tabs between them. */
public class Validate {
    public static void main(String[] files) throws Exception {
        FhirContext context = FhirContext.forR4();
        FhirValidator validator = context.newValidator();
        validator.registerValidatorModule(new FhirInstanceValidator(new ValidationSupportChain(
                new DefaultProfileValidationSupport(context),
                new CommonCodeSystemsTerminologyService(context),
                new InMemoryTerminologyServerValidationSupport(context))));
        for (String file : files) {
            String text = Files.readString(Path.of(file));
            for (SingleValidationMessage message : validator.validateWithResult(text).getMessages()) {
                System.out.println(String.join("\t", Path.of(file).getFileName().toString(),
                        message.getSeverity().getCode(), String.valueOf(message.getLocationString()),
                        message.getMessage().replaceAll("\\s+", " ")));
            }
        }
        System.out.println("checked\t" + files.length);
    }
}
